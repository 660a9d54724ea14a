package verify

import (
	"bytes"
	"testing"

	"github.com/auditsidecar/auditsidecar/internal/continuity"
)

// TestI10_WhatWasStoredAgain: an object that the store damaged stays, since
// nothing is ever deleted. It is no finding once a copy is confirmed.
func TestI10_WhatWasStoredAgain(t *testing.T) {
	bit := func(data []byte) []byte {
		data = bytes.Clone(data)
		data[len(data)/2] ^= 1
		return data
	}
	number := func(data []byte) []byte { return bytes.Replace(data, []byte(`"time":"2`), []byte(`"time":"3`), 1) }
	same := func(data []byte) []byte { return data }
	cut := func(data []byte) []byte { return data[:len(data)/2] }
	none := func([]byte) []byte { return nil }
	cases := map[string]honest{}
	for name, spoilt := range map[string][]func([]byte) []byte{
		"a bit": {bit}, "a digit of a record": {number}, "may not be read": {same}, "cut": {cut}, "empty, then cut": {none, cut}, "ten times": {bit, cut, bit, bit, bit, bit, bit, bit, bit, bit},
	} {
		cases[name+": files"] = honest{func(s *site) {
			s.file(s.log(5))
			s.spoilt = spoilt
			s.heartbeat(0, nil)
			s.file(s.log(10))
			s.spoilt = nil
			s.file(s.log(3))
		}, Options{Deep: true}, "it could not be confirmed; the record names data/"}
		cases[name+": the last record"] = honest{func(s *site) {
			s.file(s.log(5))
			s.spoilt = spoilt
			s.gap(continuity.ReasonPruned)
		}, Options{}, "not the record"}
		cases[name+": increments"] = honest{func(s *site) {
			s.spoilt = spoilt
			s.opened()
		}, Options{Deep: true}, "20 lines in 2 increments; the first 15 are those that the heartbeat of"}
	}
	checkHonest(t, cases)
}
