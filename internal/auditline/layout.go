package auditline

// shape is how the value of a member is written.
type shape int

const (
	shapeText     shape = iota // a string
	shapeLongText              // a string that often has escapes
	shapeRaw                   // any JSON but null
	shapeBody                  // the same, mostly an object of the API
	shapeNumber                // an int32
	shapeTime                  // a string, or null
	shapeList                  // a list of strings
	shapeLists                 // an object of lists of strings
	shapeTexts                 // an object of strings
	shapeObject                // an object of members that are known
	shapeConstant              // always the same, and part of the key
)

// member is a member of an event, or of an object in it, in kube-apiserver's form.
type member struct {
	name   string
	key    string // the name as it stands before the value: ,"name":
	shape  shape
	field  Field    // of an object, one of its fields
	of     []member // of an object
	always bool     // kube-apiserver never leaves it out
}

func optional(name string, s shape, f Field, of ...member) member {
	return member{name: name, key: `,"` + name + `":`, shape: s, field: f, of: of}
}

func always(name string, s shape, f Field, of ...member) member {
	m := optional(name, s, f, of...)
	m.always = true
	return m
}

func constant(name, value string) member {
	return member{name: name, key: `,"` + name + `":` + value, shape: shapeConstant, always: true}
}

// eventMembers are the members of an event, in kube-apiserver's order.
var eventMembers = []member{
	constant("kind", `"Event"`),
	constant("apiVersion", `"audit.k8s.io/v1"`),
	always("level", shapeText, Level),
	always("auditID", shapeText, AuditID),
	always("stage", shapeText, Stage),
	always("requestURI", shapeLongText, RequestURI),
	always("verb", shapeText, Verb),
	always("user", shapeObject, UserName, userMembers(UserName, UserUID, UserGroups, UserExtraKey)...),
	optional("impersonatedUser", shapeObject, ImpersonatedName,
		userMembers(ImpersonatedName, ImpersonatedUID, ImpersonatedGroups, ImpersonatedExtraKey)...),
	optional("authenticationMetadata", shapeObject, ImpersonationConstraint, always("impersonationConstraint", shapeText, ImpersonationConstraint)),
	optional("sourceIPs", shapeList, SourceIPs),
	optional("userAgent", shapeText, UserAgent),
	optional("objectRef", shapeObject, ObjectResource, refMembers...),
	optional("responseStatus", shapeObject, ResponseCode,
		constant("metadata", "{}"),
		optional("status", shapeText, ResponseStatus),
		optional("message", shapeLongText, ResponseMessage),
		optional("reason", shapeText, ResponseReason),
		optional("details", shapeRaw, ResponseDetails),
		optional("code", shapeNumber, ResponseCode)),
	optional("requestObject", shapeBody, RequestObject),
	optional("responseObject", shapeBody, ResponseObject),
	always("requestReceivedTimestamp", shapeTime, RequestReceived),
	always("stageTimestamp", shapeTime, StageTimestamp),
	optional("annotations", shapeTexts, AnnotationKey),
}

// olderMembers have the times of an event in v1beta1, to the second: of the request and of the stage.
var olderMembers = []member{
	optional("timestamp", shapeTime, RequestReceived),
	optional("metadata", shapeObject, StageTimestamp, optional("creationTimestamp", shapeTime, StageTimestamp)),
}

// refMembers are the members of objectRef.
var refMembers = []member{
	optional("resource", shapeText, ObjectResource),
	optional("namespace", shapeText, ObjectNamespace),
	optional("name", shapeText, ObjectName),
	optional("uid", shapeText, ObjectUID),
	optional("apiGroup", shapeText, ObjectAPIGroup),
	optional("apiVersion", shapeText, ObjectAPIVersion),
	optional("resourceVersion", shapeText, ObjectResourceVersion),
	optional("subresource", shapeText, ObjectSubresource),
}

func userMembers(name, uid, groups, extra Field) []member {
	return []member{
		optional("username", shapeText, name),
		optional("uid", shapeText, uid),
		optional("groups", shapeList, groups),
		optional("extra", shapeLists, extra),
	}
}

// memberOf returns the member of that name; nil for none.
func memberOf(all []member, name []byte) *member {
	for i := range all {
		if all[i].name == string(name) {
			return &all[i]
		}
	}
	return nil
}

// has reports whether an event has a member.
func (e *Event) has(m *member) bool {
	switch m.shape {
	case shapeNumber, shapeTime:
		return e.given[m.field]
	case shapeList:
		return e.List(m.field).Given
	case shapeLists, shapeTexts:
		return e.Map(m.field).Given
	case shapeObject:
		for i := range m.of {
			if e.has(&m.of[i]) {
				return true
			}
		}
		return false
	case shapeConstant:
		return false
	}
	return e.text[m.field] != nil
}
