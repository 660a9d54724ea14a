package parquet

// addEvent adds what the event has to its columns. What it does not have is
// left to catchUp.
func (w *objectWriter) addEvent(r *row) {
	e := r.event
	w.addTexts(e, 0, colUserAgent)
	w.addActor(e.actor)
	w.addTexts(e, colObjResource, colCode)
	w.addTexts(e, colRespStatus, colReceived)
	for _, i := range [...]column{colCode, colReceived, colStaged} {
		if e.given[i] {
			w.chunk(i).int(e.ints[i])
		}
	}
	addKeys(w.chunk(colAnnotationKey), &e.notes.multimap)
	addMapValues(w.chunk(colAnnotationValue), &e.notes.multimap)
	w.addTexts(e, colUnknownFields, colUnknownFields+1)
	if r.raw != nil {
		w.chunk(colRaw).bytes(r.raw, 0)
	}
}

// chunk returns the chunk of a column, ready for a value of the next row.
func (w *objectWriter) chunk(i column) *chunk {
	c := w.chunks[i]
	c.catchUp(w.group.rows)
	return c
}

// addTexts adds the event's own texts in the columns from and up to to.
func (w *objectWriter) addTexts(e *event, from, to column) {
	for i := from; i < to; i++ {
		if v := e.text[i]; v != nil {
			w.chunk(i).bytes(v, 0)
		}
	}
}

func (w *objectWriter) addActor(a *actor) {
	for i := colUserAgent; i < colObjResource; i++ {
		switch c := w.chunk(i); c.def.shape {
		case scalar:
			if v := a.text[i]; v != nil {
				c.bytes(v, 0)
			}
		case list:
			addList(c, a.list(i))
		case mapKey:
			addKeys(c, a.multimap(i))
		case mapValues:
			addMultimapValues(c, a.multimap(i))
		}
	}
}

// addOrigin adds the columns that every row has. Those of the source have one
// value for all rows, and the others that catchUp fills in one for nearly all.
func (w *objectWriter) addOrigin(r *row) {
	if string(r.status) != statusOK {
		w.chunk(colDecodeStatus).bytes(r.status, 0)
	}
	w.chunks[colSourceLine].int(r.line)
	if r.part != 0 {
		w.chunk(colLinePart).int(r.part)
	}
}

// addEmpty adds a list or map that has no elements; one that is null is left
// to catchUp.
func addEmpty(c *chunk, given bool) {
	if given {
		c.null(0, 1)
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
