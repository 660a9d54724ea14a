// Package timers lets the timers of a process be late.
package timers

import "time"

// Slack is how much later than asked for the kernel may wake a thread. The
// default of 50 µs lets the Go runtime's monitor wake up to 13,000 times a
// second while there is work, beside the thread that does it: 8 % of the CPU
// time of streaming, and nearly 3 % of a conversion. Nothing is in such a hurry.
const Slack = 4 * time.Millisecond
