package parquet

// addEvent adds what the event has to its columns.
func (w *objectWriter) addEvent(r *row) {
	e := r.event
	for i, c := range w.chunks[:colUserAgent] {
		w.addScalar(column(i), c, r)
	}
	w.addActor(e.actor)
	for i, c := range w.chunks[colObjResource:colAnnotationKey] {
		w.addScalar(colObjResource+column(i), c, r)
	}
	w.addNotes(e.notes)
	w.addScalar(colRaw, w.chunks[colRaw], r)
}

func (w *objectWriter) addActor(a *actor) {
	chunks := w.chunks[colUserAgent : colSourceIPs+1]
	if w.replayed(&a.shared, chunks) {
		return
	}
	before := mark(chunks)
	for i, c := range chunks {
		switch col := colUserAgent + column(i); c.def.shape {
		case scalar:
			c.optional(a.text[col])
		case list:
			addList(c, a.list(col))
		case mapKey:
			addKeys(c, a.multimap(col))
		case mapValues:
			addMultimapValues(c, a.multimap(col))
		}
	}
	w.record(&a.shared, chunks, &before)
}

func (w *objectWriter) addNotes(n *notes) {
	chunks := w.chunks[colAnnotationKey : colAnnotationValue+1]
	if w.replayed(&n.shared, chunks) {
		return
	}
	before := mark(chunks)
	addKeys(chunks[0], &n.multimap)
	addMapValues(chunks[1], &n.multimap)
	w.record(&n.shared, chunks, &before)
}

// optional adds a value or, for nil, null.
func (c *chunk) optional(v []byte) {
	if v == nil {
		c.null(0, 0)
		return
	}
	c.bytes(v, 0)
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
	c.optional(v)
}

// addOrigin adds the columns that every row has.
func (w *objectWriter) addOrigin(r *row) {
	w.chunks[colDecodeStatus].bytes(r.status, 0)
	w.chunks[colNode].again(w.origin.node)
	w.chunks[colEpoch].again(w.origin.epoch)
	w.chunks[colSourceFile].again(w.origin.sourceFile)
	w.chunks[colSeq].again(w.origin.seq[:])
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
