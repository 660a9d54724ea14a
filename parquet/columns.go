package parquet

// column is the position of a leaf column in every object. The order is part
// of the format: readers find columns by name, but equal input must give equal
// bytes.
type column int

const (
	colLevel column = iota
	colStage
	colVerb
	colAuditID
	colRequestURI
	colUserAgent
	colUserName
	colUserUID
	colUserGroups
	colUserExtraKey
	colUserExtraValue
	colImpName
	colImpUID
	colImpGroups
	colImpExtraKey
	colImpExtraValue
	colImpConstraint
	colSourceIPs
	colObjResource
	colObjNamespace
	colObjName
	colObjUID
	colObjAPIGroup
	colObjAPIVersion
	colObjResourceVersion
	colObjSubresource
	colCode
	colRespStatus
	colRespReason
	colRespMessage
	colRespDetails
	colRequestObject
	colResponseObject
	colReceived
	colStaged
	colAnnotationKey
	colAnnotationValue
	colRaw
	colDecodeStatus
	colNode
	colEpoch
	colSourceFile
	colSeq
	colSourceLine
	colLinePart
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
	dict  bool // dictionary encoding
	bloom bool // has a bloom filter
	// bounded is true where minimum and maximum are worth their space: the
	// values are short, or the sort order makes pages differ.
	bounded bool
}

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
		colLevel:              {name: "level", dict: true, bounded: true},
		colStage:              {name: "stage", dict: true, bounded: true},
		colVerb:               {name: "verb", dict: true, bounded: true},
		colAuditID:            {name: "audit_id", bloom: true},
		colRequestURI:         {name: "request_uri", dict: true},
		colUserAgent:          {name: "user_agent", dict: true},
		colUserName:           {name: "user_name", dict: true, bloom: true, bounded: true},
		colUserUID:            {name: "user_uid", dict: true, bounded: true},
		colUserGroups:         {name: "user_groups", shape: list, dict: true},
		colUserExtraKey:       {name: "user_extra", shape: mapKey, dict: true},
		colUserExtraValue:     {name: "user_extra", shape: mapValues, dict: true},
		colImpName:            {name: "impersonated_user_name", dict: true, bounded: true},
		colImpUID:             {name: "impersonated_user_uid", dict: true, bounded: true},
		colImpGroups:          {name: "impersonated_user_groups", shape: list, dict: true},
		colImpExtraKey:        {name: "impersonated_user_extra", shape: mapKey, dict: true},
		colImpExtraValue:      {name: "impersonated_user_extra", shape: mapValues, dict: true},
		colImpConstraint:      {name: "impersonation_constraint", dict: true, bounded: true},
		colSourceIPs:          {name: "source_ips", shape: list, dict: true, bloom: true},
		colObjResource:        {name: "object_resource", dict: true, bounded: true},
		colObjNamespace:       {name: "object_namespace", dict: true, bloom: true, bounded: true},
		colObjName:            {name: "object_name", dict: true, bloom: true, bounded: true},
		colObjUID:             {name: "object_uid", dict: true},
		colObjAPIGroup:        {name: "object_api_group", dict: true, bounded: true},
		colObjAPIVersion:      {name: "object_api_version", dict: true, bounded: true},
		colObjResourceVersion: {name: "object_resource_version", dict: true},
		colObjSubresource:     {name: "object_subresource", dict: true, bounded: true},
		colCode:               {name: "response_code", kind: num32, dict: true, bounded: true},
		colRespStatus:         {name: "response_status", dict: true, bounded: true},
		colRespReason:         {name: "response_reason", dict: true, bounded: true},
		colRespMessage:        {name: "response_message", dict: true},
		colRespDetails:        {name: "response_details", dict: true},
		colRequestObject:      {name: "request_object"},
		colResponseObject:     {name: "response_object"},
		colReceived:           {name: "request_received_timestamp", kind: micros, bounded: true},
		colStaged:             {name: "stage_timestamp", kind: micros, bounded: true},
		colAnnotationKey:      {name: "annotations", shape: mapKey, dict: true},
		colAnnotationValue:    {name: "annotations", shape: mapValue, dict: true},
		colRaw:                {name: "raw", kind: blob},
		colDecodeStatus:       {name: "decode_status", shape: required, dict: true, bounded: true},
		colNode:               {name: "node", shape: required, dict: true},
		colEpoch:              {name: "epoch", shape: required, dict: true},
		colSourceFile:         {name: "source_file", shape: required, dict: true},
		colSeq:                {name: "seq", shape: required, kind: num64, dict: true, bounded: true},
		colSourceLine:         {name: "source_line", shape: required, kind: num64, bounded: true},
		colLinePart:           {name: "line_part", shape: required, kind: num32, dict: true, bounded: true},
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
