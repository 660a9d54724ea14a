package auditline

// Field is the number of a field of an event. A field that is a map has two
// numbers, of its keys and of its values.
type Field int

// The fields in the order of the columns of an object.
const (
	Level Field = iota
	Stage
	Verb
	AuditID
	RequestURI
	UserAgent
	UserName
	UserUID
	UserGroups
	UserExtraKey
	UserExtraValue
	ImpersonatedName
	ImpersonatedUID
	ImpersonatedGroups
	ImpersonatedExtraKey
	ImpersonatedExtraValue
	ImpersonationConstraint
	SourceIPs
	ObjectResource
	ObjectNamespace
	ObjectName
	ObjectUID
	ObjectAPIGroup
	ObjectAPIVersion
	ObjectResourceVersion
	ObjectSubresource
	ResponseCode
	ResponseStatus
	ResponseReason
	ResponseMessage
	ResponseDetails
	RequestObject
	ResponseObject
	RequestReceived
	StageTimestamp
	AnnotationKey
	AnnotationValue
	NumFields
)
