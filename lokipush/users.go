package lokipush

import "bytes"

const (
	// numUsers is how many users are remembered: those of the control plane, and some more.
	numUsers = 32
	// maxUser bounds what is remembered of one.
	maxUser = 2 << 10
)

// users are the user objects of lines before, each from its username to its end as it stood there. A
// third of a line is its user, of whom a cluster has few: what is the same need not be followed
// again. What is remembered of a user is overwritten by another one with the same place.
type users [numUsers][]byte

// place returns where a user of this name is remembered.
func (u *users) place(name []byte) *[]byte {
	n := len(name)
	if n == 0 {
		return &u[0]
	}
	return &u[(3*n+5*int(name[n-1])+int(name[n/2]))%numUsers]
}

// knownUser goes on behind the user object whose username, just read, begins at start.
func (l *layout) knownUser(f *Fields, start int) bool {
	if f.users == nil {
		f.users = new(users)
	}
	known := f.users.place(f.User)
	if len(*known) > 0 && bytes.HasPrefix(l.line[start:], *known) {
		l.pos = start + len(*known)
		return true
	}
	if !l.rest() {
		return false
	}
	if l.pos-start <= maxUser {
		*known = append((*known)[:0], l.line[start:l.pos]...)
	}
	return true
}
