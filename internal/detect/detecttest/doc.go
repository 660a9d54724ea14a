// Package detecttest makes lines of an audit log out of short descriptions, for the
// tests of detections: the events of manifests/detections, the table of attacks and
// ordinary events, and ordinary days at real rates. Its evaluator counts how often a detection fires.
package detecttest
