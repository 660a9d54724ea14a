// Package rotate follows the audit log files of kube-apiserver.
package rotate
