package lokipush

import (
	"io"
	"net/http"
	"sync"
)

// sharedBody counts who still uses the bytes of a request. A transport may read the body after
// RoundTrip has returned (the server answered early, the attempt was cancelled), and may open it
// again for a second connection: only when Push and every reader are done are the bytes free.
type sharedBody struct {
	data []byte
	free func([]byte)

	mu    sync.Mutex
	users int
}

// newSharedBody starts with one user, the caller, who ends with release.
func newSharedBody(data []byte, free func([]byte)) *sharedBody {
	return &sharedBody{data: data, free: free, users: 1}
}

func (b *sharedBody) reader() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.users++
	return &bodyReader{body: b}
}

func (b *sharedBody) release() {
	b.mu.Lock()
	b.users--
	last := b.users == 0
	b.mu.Unlock()
	if last {
		b.free(b.data)
	}
}

// bodyReader is one reading of the body. Close and Read may come from different goroutines.
type bodyReader struct {
	body *sharedBody

	mu     sync.Mutex
	read   int
	closed bool
}

// Read copies under the lock: after Close has returned nobody reads the bytes any more.
func (r *bodyReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if r.read == len(r.body.data) {
		return 0, io.EOF
	}
	n := copy(p, r.body.data[r.read:])
	r.read += n
	return n, nil
}

// Close gives up the bytes. Further calls do nothing.
func (r *bodyReader) Close() error {
	r.mu.Lock()
	closed := r.closed
	r.closed = true
	r.mu.Unlock()
	if !closed {
		r.body.release()
	}
	return nil
}
