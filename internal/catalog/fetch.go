package catalog

import (
	"context"
	"sync"

	"github.com/auditsidecar/auditsidecar/internal/archive"
)

// fetch is an object that is opened before its turn. An object from S3 is then in a
// temporary file.
type fetch struct {
	done chan struct{}

	mu     sync.Mutex
	object *archive.Object
	err    error
}

// Fetch begins to open the objects of a finished file that are not on this machine. They
// are closed by Drop, if Restore was not called until then.
func (f *File) Fetch(ctx context.Context) {
	for i := range f.Objects {
		o := &f.Objects[i]
		if o.absent != nil || o.ahead != nil || o.bucket.Dir() != "" {
			continue
		}
		ahead := &fetch{done: make(chan struct{})}
		o.ahead = ahead
		go func() {
			defer close(ahead.done)
			ahead.object, ahead.err = o.bucket.Open(ctx, o.name)
		}()
	}
}

// Drop closes objects that Fetch has opened and Restore has not.
func (f *File) Drop() {
	for _, o := range f.Objects {
		if object, _ := o.ahead.take(); object != nil { // an error concerns no one any more
			_ = object.Close() // it was only read
		}
	}
}

// take returns the object to the first caller, nothing to others.
func (f *fetch) take() (object *archive.Object, err error) {
	if f == nil {
		return nil, nil //nolint:nilnil // nothing was begun
	}
	<-f.done
	f.mu.Lock()
	defer f.mu.Unlock()
	object, err = f.object, f.err
	f.object, f.err = nil, nil
	return object, err
}
