package rowread

import (
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/schema"
)

// footer is what the footer of an object says, as far as it is needed to read it. It is
// believed only where an object of this package could say it: one flipped bit may name another
// codec, and the library would act on that.
type footer struct {
	Rows   int64
	Pairs  map[string]string
	groups []storedGroup
}

// storedGroup is a row group.
type storedGroup struct {
	rows   int64
	chunks []storedChunk // by column
}

// storedChunk is a column chunk.
type storedChunk struct {
	from, size    int64 // its pages, the dictionary first
	values, nulls int64
}

const (
	// maxGroups is how many row groups the format can number.
	maxGroups = 1 << 15
	// maxPairs bounds the metadata; ours have 18.
	maxPairs = 64
	// maxElements bounds the nodes of the schema; ours have 66.
	maxElements = 256
)

var errFooter = errors.New("damaged footer (not as auditsidecar wrote it: use another copy or version of the object)")

// parseFooter reads a footer whose object has size bytes before it.
func parseFooter(b []byte, size int64) (*footer, error) {
	f := &footer{Pairs: map[string]string{}}
	c := &compactReader{b: b}
	c.fields(compactStruct, func(id int, kind byte) bool {
		if id == 5 {
			c.each(kind, func() { f.addPair(c) })
		}
		return id == 5
	})
	if c.bad || len(c.b) > 0 {
		return nil, errFooter
	}
	version, ok := f.Pairs[schema.VersionKey]
	if !ok {
		return nil, errors.New("a Parquet file of another program")
	}
	if version != schema.Version {
		return nil, fmt.Errorf("schema version %q, want %q (use the auditsidecar that wrote it)", version, schema.Version)
	}
	return f, f.addGroups(&compactReader{b: b}, size)
}

// addGroups reads the rest of a footer, which was passed once and is well-formed.
func (f *footer) addGroups(c *compactReader, size int64) error {
	failed := errors.New("no schema")
	rows := int64(0)
	defs := schema.Columns()
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 2:
			failed = c.checkSchema(kind)
		case 3:
			rows = c.int(kind)
		case 4:
			c.each(kind, func() {
				g, err := c.group(&defs, size)
				if err != nil || len(f.groups) == maxGroups {
					failed = errors.Join(failed, fmt.Errorf("row group %d: %w", len(f.groups), err))
					c.fail()
				}
				f.groups = append(f.groups, g)
				f.Rows += g.rows
			})
		default:
			return false
		}
		return true
	})
	switch {
	case failed != nil:
		return fmt.Errorf("%w: %w", errFooter, failed)
	case c.bad:
		return errFooter
	case rows != f.Rows:
		return fmt.Errorf("%w: %d rows, and %d in its row groups", errFooter, rows, f.Rows)
	}
	return nil
}

func (f *footer) addPair(c *compactReader) {
	var key, value string
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 1:
			key = c.text(kind)
		case 2:
			value = c.text(kind)
		}
		return id == 1 || id == 2
	})
	if _, twice := f.Pairs[key]; twice || len(f.Pairs) == maxPairs {
		c.fail()
	}
	f.Pairs[key] = value
}

// group reads a row group of an object that has size bytes before its footer.
func (c *compactReader) group(defs *[schema.NumColumns]schema.Column, size int64) (g storedGroup, err error) {
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 1:
			c.each(kind, func() {
				m, n := c.chunk(), len(g.chunks)
				if n == len(defs) {
					c.fail()
				} else if wrong := m.wrong(&defs[n], size); wrong != "" && !c.bad {
					err = fmt.Errorf("column %s: %s", defs[n].Name, wrong)
					c.fail()
				}
				g.chunks = append(g.chunks, storedChunk{from: m.from(), size: m.packed, values: m.values, nulls: m.nulls})
			})
		case 3:
			g.rows = c.int(kind)
		default:
			return false
		}
		return true
	})
	switch {
	case err != nil:
		return g, err
	case c.bad || len(g.chunks) != len(defs):
		return g, fmt.Errorf("%d columns, want %d", len(g.chunks), len(defs))
	}
	for n, chunk := range g.chunks {
		single := defs[n].Shape == schema.Scalar || defs[n].Shape == schema.Required
		if g.rows < 1 || chunk.values < g.rows || single && chunk.values != g.rows {
			return g, fmt.Errorf("column %s: %d values for %d rows", defs[n].Name, chunk.values, g.rows)
		}
	}
	return g, nil
}

// schemaElement is a node of the schema; a number is -1 where it is not given.
type schemaElement struct {
	name                       string
	kind, repetition, children int64
	logical                    string // as it is encoded
}

// schema reads the nodes of the schema.
func (c *compactReader) schema(kind byte) (all []schemaElement) {
	c.each(kind, func() {
		e := schemaElement{kind: -1, repetition: -1, children: -1}
		c.fields(compactStruct, func(id int, kind byte) bool {
			switch id {
			case 1:
				e.kind = c.int(kind)
			case 3:
				e.repetition = c.int(kind)
			case 4:
				e.name = c.text(kind)
			case 5:
				e.children = c.int(kind)
			case 10:
				from := c.b
				c.skip(kind, 1)
				e.logical = string(from[:len(from)-len(c.b)])
			default:
				return false
			}
			return true
		})
		if all = append(all, e); len(all) > maxElements {
			c.fail()
		}
	})
	return all
}

// checkSchema reads the schema of an object, and compares it.
func (c *compactReader) checkSchema(kind byte) error {
	elements, _, err := schema.Parts()
	if err != nil {
		return err
	}
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &format.FileMetaData{Schema: elements})
	if err != nil {
		return fmt.Errorf("encode schema: %w", err)
	}
	var want []schemaElement
	ours := &compactReader{b: b}
	ours.fields(compactStruct, func(id int, kind byte) bool {
		if id == 2 {
			want = ours.schema(kind)
		}
		return id == 2
	})
	if got := c.schema(kind); !slices.Equal(got, want) {
		return errors.New("the columns are others than those of its version")
	}
	return nil
}

// extent is where something of size bytes is in the file.
type extent struct{ at, size int64 }

func (p extent) within(end int64) bool { return p.at >= 0 && p.size >= 0 && p.size <= end-p.at }

// chunkMeta is what a footer says of a column chunk.
type chunkMeta struct {
	elsewhere                       bool // in another file
	kind                            format.Type
	codec                           format.CompressionCodec
	encodings                       []format.Encoding
	values, nulls                   int64
	dictionaryAt, dataAt, packed    int64
	bloom, offsetIndex, columnIndex extent
}

// chunk reads what the footer says of a column chunk.
func (c *compactReader) chunk() (m chunkMeta) {
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 1:
			m.elsewhere = true
			return false
		case 3:
			c.chunkData(&m, kind)
		case 4:
			m.offsetIndex.at = c.int(kind)
		case 5:
			m.offsetIndex.size = c.int(kind)
		case 6:
			m.columnIndex.at = c.int(kind)
		case 7:
			m.columnIndex.size = c.int(kind)
		default:
			return false
		}
		return true
	})
	return m
}

func (c *compactReader) chunkData(m *chunkMeta, kind byte) {
	numbers := map[int]*int64{5: &m.values, 7: &m.packed, 9: &m.dataAt, 11: &m.dictionaryAt, 14: &m.bloom.at, 15: &m.bloom.size}
	c.fields(kind, func(id int, kind byte) bool {
		switch {
		case numbers[id] != nil:
			*numbers[id] = c.int(kind)
		case id == 1:
			m.kind = format.Type(c.int(kind))
		case id == 2:
			n, of := c.list(kind)
			for ; n > 0 && !c.bad; n-- {
				m.encodings = append(m.encodings, format.Encoding(c.int(of)))
			}
		case id == 4:
			m.codec = format.CompressionCodec(c.int(kind))
		case id == 12: // statistics
			c.fields(kind, func(id int, kind byte) bool {
				if id == 3 {
					m.nulls = c.int(kind)
				}
				return id == 3
			})
		default:
			return false
		}
		return true
	})
}

// wrong says what cannot be so in an object that has size bytes before its footer, or nothing.
func (m *chunkMeta) wrong(d *schema.Column, size int64) string {
	for _, e := range m.encodings {
		if !d.Allows(e) {
			return fmt.Sprintf("it has the encoding %v", e)
		}
	}
	switch {
	case m.elsewhere:
		return "it is in another file"
	case m.kind != d.Physical():
		return fmt.Sprintf("its type is %v, want %v", m.kind, d.Physical())
	case m.codec != format.Zstd:
		return fmt.Sprintf("its codec is %v, want %v", m.codec, format.Zstd)
	case m.from() < int64(len(magic)) || m.dictionaryAt > m.dataAt || !(extent{m.from(), m.packed}).within(size) || m.dataAt-m.from() > m.packed:
		return fmt.Sprintf("its %d bytes from byte %d on are outside of the file", m.packed, m.from())
	case !m.bloom.within(size) || !m.offsetIndex.within(size) || !m.columnIndex.within(size):
		return "its bloom filter or page index is outside of the file"
	case m.nulls < 0 || m.nulls > m.values:
		return fmt.Sprintf("%d of %d values are null", m.nulls, m.values)
	}
	return ""
}

// from is where the first page begins.
func (m *chunkMeta) from() int64 {
	if m.dictionaryAt != 0 {
		return m.dictionaryAt
	}
	return m.dataAt
}
