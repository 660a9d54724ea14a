package convert

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// format is a form of file that is no log, told by its first bytes.
type format struct {
	name   string
	head   string
	remedy string // to get the log
}

// gzipName names the format that is unpacked.
const gzipName = "gzip"

// longestHead is the longest head of the formats.
const longestHead = 10

// formats are those that logs are found in, and others that may be given by mistake.
var formats = [...]format{
	{gzipName, "\x1f\x8b", "unpack it twice: gzip -dc FILE | gzip -dc"},
	{"zstd", "\x28\xb5\x2f\xfd", "unpack it: zstd -dc FILE"},
	{"xz", "\xfd7zXZ\x00", "unpack it: xz -dc FILE"},
	{"lzip", "LZIP", "unpack it: lzip -dc FILE"},
	{"bzip2", "BZh", "unpack it: bzip2 -dc FILE"},
	{"lz4", "\x04\x22\x4d\x18", "unpack it: lz4 -dc FILE"},
	{"lz4", "\x02\x21\x4c\x18", "unpack it: lz4 -dc FILE"},
	{"compress", "\x1f\x9d", "unpack it: uncompress -c FILE"},
	{"framed snappy", "\xff\x06\x00\x00sNaPpY", "unpack it"},
	{"zip", "PK\x03\x04", "unpack it: unzip -p FILE"},
	{"zip", "PK\x05\x06", "it is empty"},
	{"7z", "7z\xbc\xaf\x27\x1c", "unpack it: 7z x -so FILE"},
	{"Parquet", "PAR1", "restore it: auditsidecar restore FILE"},
}

// formatOf recognises a file by its content, whatever its name; without a name: it is no known
// format, so it may be a log.
func formatOf(path string) (format, error) {
	file, err := os.Open(path)
	if err != nil {
		return format{}, fmt.Errorf("open the file: %w", withoutPath(err))
	}
	defer file.Close()
	head := make([]byte, longestHead)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return format{}, fmt.Errorf("read the file: %w", withoutPath(err))
	}
	for _, f := range formats {
		if strings.HasPrefix(string(head[:n]), f.head) {
			return f, nil
		}
	}
	// The frames that a zstd or lz4 file may begin with and that its reader skips: 16 numbers.
	if n >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18" {
		return format{name: "zstd or lz4", remedy: "unpack it: zstd -dc FILE"}, nil
	}
	return format{}, nil
}

// refuse says why a file is not converted; nil for one that may be a log.
func (f format) refuse() error {
	if f.name == "" {
		return nil
	}
	return fmt.Errorf("it is %s, not a log; %s, and convert the output (- takes it from a pipe)", f.name, f.remedy)
}
