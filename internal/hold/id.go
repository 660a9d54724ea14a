package hold

import "fmt"

// firstNumber is the number of a state directory's first link. There is room
// below it for files that turn out to be older, after the ledger was lost.
const firstNumber = 1_000_000

// linkName is the name of the link that holds the segment number n: IDs sort
// in the order in which the files were linked, which is the order of
// rotation. The inode makes a leftover link recognisable without a ledger.
func linkName(n int64, inode uint64) string {
	return fmt.Sprintf("%012d-%d", n, inode)
}

// parseLinkName is the inverse of linkName.
func parseLinkName(name string) (n int64, inode uint64, ok bool) {
	_, err := fmt.Sscanf(name, "%d-%d", &n, &inode)
	return n, inode, err == nil && n >= 0 && name == linkName(n, inode)
}
