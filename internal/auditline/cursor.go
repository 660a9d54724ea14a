package auditline

import (
	"bytes"
	"unicode/utf8"
)

// cursor passes the parts of JSON text, from b[i] on.
type cursor struct {
	b    []byte
	i    int
	e    *Event // has the texts
	skip skipper
}

// lit passes exactly the bytes of want.
func (c *cursor) lit(want string) bool {
	end := c.i + len(want)
	if end > len(c.b) || c.b[end-1] != want[len(want)-1] || string(c.b[c.i:end]) != want {
		return false
	}
	c.i = end
	return true
}

// written passes a string and returns it as it stands between its quotes.
func (c *cursor) written() ([]byte, bool) {
	start := c.i + 1
	if start > len(c.b) || c.b[c.i] != '"' || !c.passText(start) {
		return nil, false
	}
	return c.b[start : c.i-1], true
}

// str passes a string and returns its text.
func (c *cursor) str() ([]byte, bool) {
	if c.i >= len(c.b) || c.b[c.i] != '"' {
		return nil, false
	}
	start := c.i + 1
	end := plainRun(c.b, start)
	if end < len(c.b) && c.b[end] == '"' {
		c.i = end + 1
		return c.b[start:end:end], true
	}
	if !c.passText(start) {
		return nil, false
	}
	return c.e.Unquoted(c.b[start : c.i-1]), true
}

// passText passes the text of a string and its closing quote.
func (c *cursor) passText(start int) bool {
	c.skip.ascii = true
	end := c.skip.str(c.b, start-1)
	if end < 0 || (!c.skip.ascii && !utf8.Valid(c.b[start:end-1])) {
		return false
	}
	c.i = end
	return true
}

// Unquoted returns the text of a JSON string given without its quotes, in the
// event's arena.
func (e *Event) Unquoted(s []byte) []byte {
	from := len(e.arena)
	e.arena = AppendUnquoted(e.arena, s)
	return e.arena[from:len(e.arena):len(e.arena)]
}

// list passes an array of strings.
func (c *cursor) list(t *List) bool {
	if !c.lit(`[`) {
		return false
	}
	t.Given = true
	if c.lit(`]`) {
		return true
	}
	for {
		v, ok := c.str()
		if !ok {
			return false
		}
		if t.Items = append(t.Items, v); len(t.Items) > MaxItems {
			return false
		}
		if !c.lit(`,`) {
			return c.lit(`]`)
		}
	}
}

// texts passes an object of strings, or of lists of strings, whose keys must
// ascend: that is how encoding/json writes a map, and it excludes duplicate
// keys, which some readers refuse in a MAP.
func (c *cursor) texts(m *Map, lists bool) bool {
	if !c.lit(`{`) {
		return false
	}
	m.Given = true
	if c.lit(`}`) {
		return true
	}
	for {
		if !c.key(m) {
			return false
		}
		if lists {
			values := List{Items: m.Values}
			if !c.list(&values) {
				return false
			}
			m.Values = values.Items
		} else {
			v, ok := c.str()
			if !ok {
				return false
			}
			m.Values = append(m.Values, v)
		}
		m.Ends = append(m.Ends, len(m.Values))
		if !c.lit(`,`) {
			return c.lit(`}`)
		}
	}
}

// key passes a member's name and colon; the name must be greater than the
// previous one.
func (c *cursor) key(m *Map) bool {
	k, ok := c.str()
	if !ok || !c.lit(`:`) {
		return false
	}
	if n := len(m.Keys); n > 0 && bytes.Compare(m.Keys[n-1], k) >= 0 {
		return false
	}
	m.Keys = append(m.Keys, k)
	return len(m.Keys) <= MaxItems
}
