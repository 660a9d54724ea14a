package parquet

import (
	"github.com/parquet-go/parquet-go/format"

	"github.com/auditsidecar/auditsidecar/internal/auditline"
)

// The columns of every object: the fields of an event, and these. The order is
// part of the format: readers find columns by name, but equal input must give
// equal bytes.
const (
	colRaw = auditline.NumFields + iota
	colDecodeStatus
	colNode
	colEpoch
	colSourceFile
	colSeq
	colSourceLine
	colLinePart
	colUnknownFields // since schema version 2
	numColumns
)

// Values of the column decode_status.
const (
	statusOK          = "ok"
	statusSalvaged    = "salvaged"
	statusUndecodable = "undecodable"
)

// shape says how the values of a leaf column are nested.
type shape int

const (
	scalar    shape = iota // optional value
	required               // value in every row
	list                   // LIST<STRING>
	mapKey                 // key of a MAP
	mapValue               // value of a MAP<STRING, STRING>
	mapValues              // element of a MAP<STRING, LIST<STRING>>
)

// columnDef describes one leaf column.
type columnDef struct {
	name  string // of the top-level column
	shape shape
	kind  kind
	enc   encoding
	bloom bool // has a bloom filter
	// pages is how many times larger than others its pages are: long values
	// that repeat each other over long distances compress much better. Those
	// of a column that is streamed are compressed as they are filled.
	pages    int
	streamed bool
	// bounded is true where minimum and maximum are worth their space: the
	// values are short, or the sort order makes pages differ.
	bounded bool
}

// encoding is how a leaf column's values are stored.
type encoding int

const (
	dictEncoding   encoding = iota // RLE_DICTIONARY, then PLAIN where too many values differ
	plainEncoding                  // PLAIN
	deltaEncoding                  // DELTA_BINARY_PACKED
	lengthEncoding                 // DELTA_LENGTH_BYTE_ARRAY
)

// kind is the physical and logical type of a leaf column.
type kind int

const (
	text kind = iota // BYTE_ARRAY, STRING
	blob             // BYTE_ARRAY
	num32
	num64
	micros // INT64, TIMESTAMP(MICROS, UTC)
)

// columnDefs returns the definition of every leaf column, by position.
func columnDefs() [numColumns]columnDef {
	return [numColumns]columnDef{
		auditline.Level:                   {name: "level", bounded: true},
		auditline.Stage:                   {name: "stage", bounded: true},
		auditline.Verb:                    {name: "verb", bounded: true},
		auditline.AuditID:                 {name: "audit_id", enc: lengthEncoding, bloom: true},
		auditline.RequestURI:              {name: "request_uri", enc: plainEncoding, pages: 4},
		auditline.UserAgent:               {name: "user_agent"},
		auditline.UserName:                {name: "user_name", bloom: true, bounded: true},
		auditline.UserUID:                 {name: "user_uid", bounded: true},
		auditline.UserGroups:              {name: "user_groups", shape: list},
		auditline.UserExtraKey:            {name: "user_extra", shape: mapKey},
		auditline.UserExtraValue:          {name: "user_extra", shape: mapValues},
		auditline.ImpersonatedName:        {name: "impersonated_user_name", bounded: true},
		auditline.ImpersonatedUID:         {name: "impersonated_user_uid", bounded: true},
		auditline.ImpersonatedGroups:      {name: "impersonated_user_groups", shape: list},
		auditline.ImpersonatedExtraKey:    {name: "impersonated_user_extra", shape: mapKey},
		auditline.ImpersonatedExtraValue:  {name: "impersonated_user_extra", shape: mapValues},
		auditline.ImpersonationConstraint: {name: "impersonation_constraint", bounded: true},
		auditline.SourceIPs:               {name: "source_ips", shape: list, bloom: true},
		auditline.ObjectResource:          {name: "object_resource", bounded: true},
		auditline.ObjectNamespace:         {name: "object_namespace", bloom: true, bounded: true},
		auditline.ObjectName:              {name: "object_name", bloom: true, bounded: true},
		auditline.ObjectUID:               {name: "object_uid"},
		auditline.ObjectAPIGroup:          {name: "object_api_group", bounded: true},
		auditline.ObjectAPIVersion:        {name: "object_api_version", bounded: true},
		auditline.ObjectResourceVersion:   {name: "object_resource_version"},
		auditline.ObjectSubresource:       {name: "object_subresource", bounded: true},
		auditline.ResponseCode:            {name: "response_code", kind: num32, bounded: true},
		auditline.ResponseStatus:          {name: "response_status", bounded: true},
		auditline.ResponseReason:          {name: "response_reason", bounded: true},
		auditline.ResponseMessage:         {name: "response_message", enc: plainEncoding, pages: 4},
		auditline.ResponseDetails:         {name: "response_details"},
		auditline.RequestObject:           {name: "request_object", enc: plainEncoding, pages: 32, streamed: true},
		auditline.ResponseObject:          {name: "response_object", enc: plainEncoding, pages: 32, streamed: true},
		auditline.RequestReceived:         {name: "request_received_timestamp", kind: micros, enc: deltaEncoding, bounded: true},
		auditline.StageTimestamp:          {name: "stage_timestamp", kind: micros, enc: deltaEncoding, bounded: true},
		auditline.AnnotationKey:           {name: "annotations", shape: mapKey},
		auditline.AnnotationValue:         {name: "annotations", shape: mapValue},
		colRaw:                            {name: "raw", kind: blob, enc: plainEncoding},
		colDecodeStatus:                   {name: "decode_status", shape: required, bounded: true},
		colNode:                           {name: "node", shape: required},
		colEpoch:                          {name: "epoch", shape: required},
		colSourceFile:                     {name: "source_file", shape: required},
		colSeq:                            {name: "seq", shape: required, kind: num64, bounded: true},
		colSourceLine:                     {name: "source_line", shape: required, kind: num64, enc: deltaEncoding, bounded: true},
		colLinePart:                       {name: "line_part", shape: required, kind: num32, bounded: true},
		colUnknownFields:                  {name: "unknown_fields"},
	}
}

// maxLevels returns the highest repetition and definition level of a column.
func (d columnDef) maxLevels() (repetition, definition int) {
	switch d.shape {
	case required:
		return 0, 0
	case list, mapKey:
		return 1, 2
	case mapValue:
		return 1, 3
	case mapValues:
		return 2, 3
	default:
		return 0, 1
	}
}

// physical is how a column's values are stored.
func (d *columnDef) physical() format.Type {
	return [...]format.Type{text: format.ByteArray, blob: format.ByteArray, num32: format.Int32, num64: format.Int64, micros: format.Int64}[d.kind]
}

// allows says whether a column can have an encoding.
func (d *columnDef) allows(e format.Encoding) bool {
	switch e {
	case format.Plain, format.RLE: // RLE is the levels'
		return true
	case format.RLEDictionary:
		return d.enc == dictEncoding
	case format.DeltaBinaryPacked:
		return d.enc == deltaEncoding
	case format.DeltaLengthByteArray:
		return d.enc == lengthEncoding
	}
	return false
}
