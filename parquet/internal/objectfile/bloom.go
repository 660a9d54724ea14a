package objectfile

import (
	"fmt"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/parquet/internal/rowsort"
)

// filter collects the values of a chunk for its bloom filter.
type filter []uint64

// bloomBits is how many bits of a bloom filter each distinct value takes: two
// in a hundred lookups of an absent value pass.
const bloomBits = 8

// add adds a value.
func (f *filter) add(v []byte) {
	// Rows are sorted: values that repeat are mostly neighbours.
	h := bloom.XXH64{}.Sum64(v)
	if n := len(*f); n == 0 || h != (*f)[n-1] {
		*f = append(*f, h)
	}
}

// addAll adds the values of a dictionary.
func (f *filter) addAll(dict *rowsort.Dictionary) {
	for n := range dict.Len() {
		*f = append(*f, bloom.XXH64{}.Sum64(dict.Value(int32(n))))
	}
}

// encode returns the bloom filter with its header.
func (f filter) encode() ([]byte, error) {
	bits := make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(len(f)), bloomBits))
	bits.InsertBulk(f)
	header := format.BloomFilterHeader{NumBytes: int32(len(bits.Bytes()))}
	header.Algorithm.Value = &format.SplitBlockAlgorithm{}
	header.Hash.Value = &format.XxHash{}
	header.Compression.Value = &format.BloomFilterUncompressed{}
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return nil, fmt.Errorf("encode bloom filter: %w", err)
	}
	return append(head, bits.Bytes()...), nil
}
