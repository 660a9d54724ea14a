#!/bin/sh
# deb: "remove"; rpm: 0 packages are left. An upgrade keeps the service running.
set -e
if [ -d /run/systemd/system ]; then
	case "$1" in
	remove | 0) systemctl disable --now auditsidecar.service ;;
	esac
fi
