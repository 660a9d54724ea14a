// Command image builds auditsidecar's container image from the source tree,
// without Docker and without a registry:
//
//	auditsidecar-image.tar        OCI archive, one index over all platforms
//	                              (skopeo copy oci-archive:…, ctr images import,
//	                              docker load with the containerd image store)
//	auditsidecar-linux-ARCH.tar   docker archive of one platform
//	                              (docker load, kind load image-archive)
//	auditsidecar-linux-ARCH.cdx.json
//	                              CycloneDX 1.6 bill of materials of that binary
//
// With -release it adds the other files of a release:
//
//	auditsidecar_VERSION_OS_ARCH.tar.gz
//	                              the binary, completions, manual pages, manifests,
//	                              license and the notices of the binary's dependencies
//	auditsidecar_VERSION.intoto.json
//	                              SLSA 1.0 provenance: source, modules, flags
//	SHA256SUMS                    of all of these, with SHA256SUMS.sig if there is
//	                              a key to sign with
//
// docs/verify-release.md says how each is used. -notices checks the licenses of
// all dependencies and writes their notices, and does nothing else.
//
// The image has the static binary, Mozilla's root certificates, /etc/passwd,
// /etc/group and an empty /tmp, and nothing else. The files are functions of
// the source, the Go version and the flags: no clock, host name, user or path
// of the building machine gets into them, so that anybody can build them again
// and compare. Every time stamp is that of -epoch (SOURCE_DATE_EPOCH).
//
// It is a module of its own, so that its libraries stay out of auditsidecar's.
//
// # Files
//
//	main.go          flags and the order
//	compile.go       the binaries
//	rootfs.go        the files in the image
//	certificates.go  Mozilla's root certificates
//	image.go         the image of one platform
//	archive.go       the archives that hold images
//	bill.go          the bill of materials
//	bundle.go        the archive with binary, manuals and manifests
//	licenses.go      the licenses of all dependencies
//	provenance.go    the provenance
//	release.go       the other files of a release, and their checksums
package main
