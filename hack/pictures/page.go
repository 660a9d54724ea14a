package main

import (
	"errors"
	"fmt"

	"github.com/auditsidecar/auditsidecar/e2e/page/chromium"
)

// look is a screen, and the part of the page up to which it is shown.
type look struct {
	name  string
	until string // selector
	below float64
	chromium.Screen
}

// looks are the screens; a phone's picture ends below the element of a selector.
func looks(phone string) []look {
	const files = "main > .paths + .card"
	return []look{
		{"light", files, 16, chromium.Screen{Width: 1160, Scheme: "light"}},
		{"dark", files, 16, chromium.Screen{Width: 1160, Scheme: "dark"}},
		{"phone", phone, 16, chromium.Screen{Width: 390, Scheme: "light", Scale: 1.5}},
	}
}

// shoot takes pictures of the status page.
func shoot(page, name, phone string) (err error) {
	browser, err := chromium.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, browser.Close()) }()
	tab, err := browser.NewTab()
	if err != nil {
		return err
	}
	for _, look := range looks(phone) {
		if err := tab.Show(page+"/", look.Screen); err != nil {
			return err
		}
		bottom, err := tab.Bottom(look.until)
		if err != nil {
			return err
		}
		picture, err := tab.Picture(int(bottom + look.below))
		if err != nil {
			return err
		}
		if picture, err = withPalette(picture); err != nil {
			return err
		}
		if err := keep(fmt.Sprintf("docs/pictures/%s-%s.png", name, look.name), picture); err != nil {
			return err
		}
	}
	return nil
}
