package parquet

// The columns of every object: the fields of an event, and these. The order is
// part of the format: readers find columns by name, but equal input must give
// equal bytes.
const (
	colRaw = numFields + iota
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
		colLevel:              {name: "level", bounded: true},
		colStage:              {name: "stage", bounded: true},
		colVerb:               {name: "verb", bounded: true},
		colAuditID:            {name: "audit_id", enc: lengthEncoding, bloom: true},
		colRequestURI:         {name: "request_uri", enc: plainEncoding, pages: 4},
		colUserAgent:          {name: "user_agent"},
		colUserName:           {name: "user_name", bloom: true, bounded: true},
		colUserUID:            {name: "user_uid", bounded: true},
		colUserGroups:         {name: "user_groups", shape: list},
		colUserExtraKey:       {name: "user_extra", shape: mapKey},
		colUserExtraValue:     {name: "user_extra", shape: mapValues},
		colImpName:            {name: "impersonated_user_name", bounded: true},
		colImpUID:             {name: "impersonated_user_uid", bounded: true},
		colImpGroups:          {name: "impersonated_user_groups", shape: list},
		colImpExtraKey:        {name: "impersonated_user_extra", shape: mapKey},
		colImpExtraValue:      {name: "impersonated_user_extra", shape: mapValues},
		colImpConstraint:      {name: "impersonation_constraint", bounded: true},
		colSourceIPs:          {name: "source_ips", shape: list, bloom: true},
		colObjResource:        {name: "object_resource", bounded: true},
		colObjNamespace:       {name: "object_namespace", bloom: true, bounded: true},
		colObjName:            {name: "object_name", bloom: true, bounded: true},
		colObjUID:             {name: "object_uid"},
		colObjAPIGroup:        {name: "object_api_group", bounded: true},
		colObjAPIVersion:      {name: "object_api_version", bounded: true},
		colObjResourceVersion: {name: "object_resource_version"},
		colObjSubresource:     {name: "object_subresource", bounded: true},
		colCode:               {name: "response_code", kind: num32, bounded: true},
		colRespStatus:         {name: "response_status", bounded: true},
		colRespReason:         {name: "response_reason", bounded: true},
		colRespMessage:        {name: "response_message", enc: plainEncoding, pages: 4},
		colRespDetails:        {name: "response_details"},
		colRequestObject:      {name: "request_object", enc: plainEncoding, pages: 32, streamed: true},
		colResponseObject:     {name: "response_object", enc: plainEncoding, pages: 32, streamed: true},
		colReceived:           {name: "request_received_timestamp", kind: micros, enc: deltaEncoding, bounded: true},
		colStaged:             {name: "stage_timestamp", kind: micros, enc: deltaEncoding, bounded: true},
		colAnnotationKey:      {name: "annotations", shape: mapKey},
		colAnnotationValue:    {name: "annotations", shape: mapValue},
		colRaw:                {name: "raw", kind: blob, enc: plainEncoding},
		colDecodeStatus:       {name: "decode_status", shape: required, bounded: true},
		colNode:               {name: "node", shape: required},
		colEpoch:              {name: "epoch", shape: required},
		colSourceFile:         {name: "source_file", shape: required},
		colSeq:                {name: "seq", shape: required, kind: num64, bounded: true},
		colSourceLine:         {name: "source_line", shape: required, kind: num64, enc: deltaEncoding, bounded: true},
		colLinePart:           {name: "line_part", shape: required, kind: num32, bounded: true},
		colUnknownFields:      {name: "unknown_fields"},
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
