// Package catalog decides which objects of an archive form one original file,
// for restore, replay and verify.
package catalog
