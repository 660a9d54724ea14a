package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// A recording is XML, shows every line at its end, and is wide enough for the longest.
func TestRender(t *testing.T) {
	long := strings.Repeat("x", 90)
	svg := string(render("a & b", "two commands", []step{
		{command: "echo <x>", output: "<x>\n\n  indented\n"},
		{comment: "why", command: "echo " + long, output: long + "\n"},
	}))
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{">&lt;x&gt;<", ">  indented<", "># why<", ">a &amp; b<", `width="853"`, ">" + long + "<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
}

// A command that prints nothing is run again, as often as its step says.
func TestRecordTriesAgain(t *testing.T) {
	var runs int
	prepare := func(string) *exec.Cmd {
		runs++
		return exec.Command("echo", "-n", map[bool]string{true: "line"}[runs == 2])
	}
	steps := []step{{command: "search", tries: 1}}
	if err := record(steps, prepare); err != nil || steps[0].output != "line" {
		t.Errorf("recorded %q, %v", steps[0].output, err)
	}
	runs = 2
	if err := record([]step{{command: "search"}}, prepare); err == nil || !strings.Contains(err.Error(), "prints nothing") {
		t.Errorf("a command without output: %v", err)
	}
}

// The most frequent colours stay as they are.
func TestWithPalette(t *testing.T) {
	picture := image.NewRGBA(image.Rect(0, 0, 100, 100))
	for i := range 100 * 100 {
		c := color.RGBA{200, 10, 10, 255}
		if i < 1000 {
			c = color.RGBA{uint8(i), uint8(i / 4), 0, 255}
		}
		picture.SetRGBA(i%100, i/100, c)
	}
	var in bytes.Buffer
	if err := png.Encode(&in, picture); err != nil {
		t.Fatal(err)
	}
	out, err := withPalette(in.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := got.(*image.Paletted); !ok || len(p.Palette) != maxColours {
		t.Errorf("%T", got)
	}
	if c := got.At(99, 99); c != (color.RGBA{200, 10, 10, 255}) {
		t.Errorf("the most frequent colour is %v", c)
	}
}
