// Package page looks at the status page of the real binary as people do: in
// Chromium, on a desktop and on a phone, light and dark, while all is well,
// while Loki is unavailable, and after a break in the log. The tests (tag e2e) hold it
// against its promises: no script, nothing that the page's own policy
// forbids, nothing wider than a phone, small and quick. With PAGE_SCREENSHOTS
// they leave the pictures in that directory.
package page
