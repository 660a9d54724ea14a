package parquet

// column is the number of a field of an event. A field that is a map has two
// numbers, of its keys and of its values.
type column int

// The fields in the order of the columns of an object.
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
	numFields
)
