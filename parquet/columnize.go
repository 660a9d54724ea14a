package parquet

// addEvent adds what the event has to its columns.
func (w *objectWriter) addEvent(r *row) {
	e := r.event
	for i, c := range w.chunks[:colNode] {
		switch c.def.shape {
		case scalar:
			w.addScalar(column(i), c, r)
		case list:
			addList(c, e.list(column(i)))
		case mapKey:
			addKeys(c, e.multimap(column(i)))
		case mapValue:
			addMapValues(c, e.multimap(column(i)))
		case mapValues:
			addMultimapValues(c, e.multimap(column(i)))
		}
	}
}

func (w *objectWriter) addScalar(i column, c *chunk, r *row) {
	e := r.event
	if c.def.kind != text && c.def.kind != blob {
		if e.given[i] {
			c.int(e.ints[i])
		} else {
			c.null(0, 0)
		}
		return
	}
	v := e.text[i]
	if i == colRaw {
		v = r.raw
	}
	if v == nil {
		c.null(0, 0)
		return
	}
	c.bytes(v, 0)
}

// addOrigin adds the columns that every row has.
func (w *objectWriter) addOrigin(r *row) {
	w.chunks[colDecodeStatus].bytes(r.status, 0)
	w.chunks[colNode].bytes(w.origin.node, 0)
	w.chunks[colEpoch].bytes(w.origin.epoch, 0)
	w.chunks[colSourceFile].bytes(w.origin.sourceFile, 0)
	w.chunks[colSeq].int(w.meta.Seq)
	w.chunks[colSourceLine].int(r.line)
	w.chunks[colLinePart].int(r.part)
}

// addEmpty adds a list or map that has no elements, or is null.
func addEmpty(c *chunk, given bool) {
	if given {
		c.null(0, 1)
	} else {
		c.null(0, 0)
	}
}

func addList(c *chunk, t *texts) {
	if len(t.items) == 0 {
		addEmpty(c, t.given)
		return
	}
	for i, v := range t.items {
		c.bytes(v, repetition(i))
	}
}

// repetition returns the repetition level of element i of an outermost list.
func repetition(i int) uint8 {
	if i == 0 {
		return 0
	}
	return 1
}

func addKeys(c *chunk, m *multimap) {
	if len(m.keys) == 0 {
		addEmpty(c, m.given)
		return
	}
	for i, v := range m.keys {
		c.bytes(v, repetition(i))
	}
}

func addMapValues(c *chunk, m *multimap) {
	if len(m.keys) == 0 {
		addEmpty(c, m.given)
		return
	}
	for i, v := range m.values {
		c.bytes(v, repetition(i))
	}
}

func addMultimapValues(c *chunk, m *multimap) {
	if len(m.keys) == 0 {
		addEmpty(c, m.given)
		return
	}
	for i := range m.keys {
		items := m.list(i)
		if len(items) == 0 {
			c.null(repetition(i), 2)
		}
		for j, v := range items {
			if j == 0 {
				c.bytes(v, repetition(i))
			} else {
				c.bytes(v, 2)
			}
		}
	}
}
