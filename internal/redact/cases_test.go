package redact

import (
	"strings"
	"testing"
)

// event is an event as kube-apiserver writes it, with the given members after
// the response status.
func event(resource, verb, rest string) string {
	resource, sub, _ := strings.Cut(resource, "/")
	if sub != "" {
		sub = `,"subresource":"` + sub + `"`
	}
	return eventIn("/api/v1/namespaces/n/"+resource, `"resource":"`+resource+`","namespace":"n","name":"x","apiVersion":"v1"`+sub, verb, `"code":200`, rest)
}

func eventIn(uri, ref, verb, status, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"a","stage":"ResponseComplete","requestURI":"` +
		uri + `","verb":"` + verb + `","user":{"username":"u"},"sourceIPs":["127.0.0.1"],"objectRef":{` + ref +
		`},"responseStatus":{"metadata":{},` + status + `}` + rest +
		`,"requestReceivedTimestamp":"2026-11-22T17:00:00.000000Z","stageTimestamp":"2026-11-22T17:00:00.000001Z","annotations":{"a":"b"}}`
}

func uriEvent(uri string) string {
	return eventIn(uri, `"resource":"pods","namespace":"n"`, "get", `"code":200`, "")
}

func failure(status, rest string) string { return failureOf("secrets", "create", status, rest) }

func failureOf(resource, verb, status, rest string) string {
	return eventIn("/api", `"resource":"`+resource+`","namespace":"n","apiVersion":"v1"`, verb, status, rest)
}

// annotated is an event without a body.
func annotated(resource, verb, annotation string) string {
	return strings.Replace(event(resource, verb, ""), `"a":"b"`, annotation, 1)
}

type lineCase struct{ name, line string }

// cases have the values to replace between ‹ and ›, as it stands in the line; the marks
// are no part of it.
func cases() []lineCase {
	return []lineCase{
		{"nothing to replace", event("pods", "create", `"requestObject":{"kind":"Pod","data":{"a":"b"}}`)},
		{"Secret", event("secrets", "create", `"requestObject":{"kind":"Secret","metadata":{"name":"x","labels":{"data":"l"}},"data":{"a":‹"b"›,"c":""},"stringData":{"d":‹1›},"type":"Opaque","immutable":true}`)},
		{"a field that no Secret has", event("secrets", "patch", `"requestObject":{"Data":{"a":‹"b"›},"stringDat":‹"c"›,"metadata":{"name":"x"}}`)},
		{"DeleteOptions", event("secrets", "delete", `"requestObject":{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"Background","preconditions":{"uid":"u"}}`)},
		{"last-applied-configuration", event("secrets", "patch", `"requestObject":{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":‹"{\"a\":1}"›,"note":"n"}}}`)},
		{"another copy of the manifest", event("secrets", "update", `"requestObject":{"metadata":{"annotations":{"example.com/manifest":‹"{\"stringData\":{}}"›}}}`)},
		{"managed fields", event("secrets", "get", `"responseObject":{"metadata":{"managedFields":[{"manager":"m","fieldsV1":{"f:data":{"f:a":{}}}}]}}`)},
		{"list", event("secrets", "list", `"responseObject":{"kind":"SecretList","metadata":{"resourceVersion":"1"},"items":[{"data":{"a":‹"b"›}},{"metadata":{"name":"n"},"data":{"a":‹"c"›},"type":"t"}]}`)},
		{"table", event("secrets", "list", `"responseObject":{"kind":"Table","columnDefinitions":[{"name":"Data"}],"rows":[{"cells":["x",1],"object":{"kind":"PartialObjectMetadata","metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":‹"x"›}}}},{"cells":[],"object":{"data":{"a":‹"b"›}}}]}`)},
		{"watch event", event("secrets", "watch", `"responseObject":{"type":"ADDED","object":{"kind":"Secret","data":{"a":‹"b"›}}}`)},
		{"JSON patch", event("secrets", "patch", `"requestObject":[{"op":"add","path":"/data/a","value":‹"b"›},{"op":"test","path":"/type","value":"Opaque"},{"op":"remove","path":"/data/z"},{"op":"add","path":"/metadata/labels/l","value":"v"}]`)},
		{"JSON patch, escaped", event("secrets", "patch", `"requestObject":[{"value":‹"b"›,"op":"add","path":"\/stringD\u0061ta/a~1b"},{"op":"add","path":"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration","value":‹"x"›}]`)},
		{"JSON patch of the whole", event("secrets", "patch", `"requestObject":[{"op":"replace","path":"","value":{"data":{"a":‹"b"›},"type":"t"}},{"op":"add","path":"/metadata","value":{"annotations":{"x/last-applied-configuration":‹"y"›,"z":"z"}}},{"op":"add","path":"/metadata/annotations/m","value":‹"{\"data\":1}"›}]`)},
		{"no JSON patch", event("secrets", "patch", `"requestObject":[{"op":‹"add"›,"value":‹"b"›},‹1›,{"path":"/type","data":‹"x"›}]`)},
		{"webhook's patch", strings.Replace(event("secrets", "create", `"requestObject":{"kind":"Secret"}`), `"a":"b"`, `"patch.webhook.admission.k8s.io/round_0_index_0":‹"{\"patch\":[]}"›`, 1)},
		{"ConfigMap", event("configmaps", "update", `"requestObject":{"data":{"a":‹"b"›},"binaryData":{"c":‹"d"›},"immutable":true},"responseObject":{"data":{"a":‹"b"›}}`)},
		{"ConfigMap that is read", event("configmaps", "get", `"responseObject":{"kind":"ConfigMap","data":{"a":"b"}}`)},
		{"ConfigMap, JSON patch", event("configmaps", "patch", `"requestObject":[{"op":"add","path":"/data","value":{"a":‹"b"›}},{"op":"add","path":"/metadata/labels/a","value":"c"}]`)},
		{"TokenReview", event("tokenreviews", "create", `"requestObject":{"kind":"TokenReview","spec":{"token":‹"t"›,"audiences":["a"]}},"responseObject":{"spec":{"token":‹"t"›},"status":{"authenticated":true,"user":{"username":"u"}}}`)},
		{"TokenRequest", event("serviceaccounts/token", "create", `"requestObject":{"kind":"TokenRequest","spec":{"audiences":null},"status":{"token":"","expirationTimestamp":null}},"responseObject":{"status":{"token":‹"eyJ"›,"expirationTimestamp":"x"}}`)},
		{"service account", event("serviceaccounts", "create", `"requestObject":{"kind":"ServiceAccount","spec":{"token":"t"}}`)},
		{"Secret in something else", event("widgets", "create", `"requestObject":{"kind":"Widget","data":"d","spec":{"objects":[{"kind":"ConfigMap","data":{"a":"b"}},{"data":{"a":‹"b"›},"kind":"Secret"}],"ref":{"kind":"Secret","name":"n"}}}`)},
		{"its manifest", event("widgets", "patch", `"requestObject":{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":‹"{\"kind\":\"Secret\"}"›}},"x":{"kind":"Secret"}}`)},
		{"its manifest in a patch", event("widgets", "patch", `"requestObject":{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":‹"{\"kind\":\"Widget\",\"spec\":{\"kind\":\"Secret\",\"data\":{}}}\n"›}},"spec":{"kind\"":"Secret\""}}`)},
		{"its manifest by another encoder", event("widgets", "patch", `"requestObject":{"metadata":{"annotations":{"x/last-applied-configuration":‹"{\u0022kind\u0022:\u0022Secret\u0022}"›}}}`)},
		{"its manifest in a JSON patch", event("widgets", "patch", `"requestObject":[{"op":"add","path":"/metadata/annotations/x~1last-applied-configuration","value":‹"{\"kind\":\"SecretList\"}"›}]`)},
		{"its manifest in a manifest", event("widgets", "patch", `"requestObject":{"metadata":{"annotations":{"x/last-applied-configuration":‹"{\"spec\":\"{\\\"kind\\\":\\\"Secret\\\"}\"}"›}}}`)},
		{"another manifest in a patch", event("widgets", "patch", `"requestObject":{"metadata":{"annotations":{"x/last-applied-configuration":"{\"kind\":\"SecretStore\",\"a\":\"no Secret here\"}","note":"kind: SecretStore\nkinds: Secret\n"}}}`)},
		{"SecretList in something else", event("widgets", "create", `"requestObject":{"kind":"Widget","spec":{"list":{"kind":"SecretList","items":[{"data":{"a":‹"b"›},"type":"t"},{"stringData":{"a":‹"c"›}}]}}}`)},
		{"a copy of the manifest in a copy", event("secrets", "update", `"requestObject":{"metadata":{"annotations":{"example.com/manifest":‹"[\"{\\\"data\\\":{}}\"]"›,"text":"data\\"}}}`)},
		{"a copy by another encoder", event("secrets", "patch", `"requestObject":{"metadata":{"annotations":{"example.com/manifest":‹"{\u0022stringData\u0022:{}}"›}}}`)},
		{"nobody says of what", `{"kind":"Event","auditID":"i","requestObject":{"a":‹"b"›}}`},
		{"Secret that is no event", `{"kind":‹"Secret"›,"data":{"a":‹"b"›},"type":‹"t"›}`},
		{"no event", `{"a":‹"b"›}`},
		{"half a name", event("secrets", "create", `"questObject":{"data":{"a":‹"b"›},"type":"t"}`)},
		{"no object", `[‹"a"›,‹1›,null,{}]`},
		{"not found", failure(`"status":"Failure","message":"secrets \"x\" not found","reason":"NotFound","code":404`, "")},
		{"forbidden", failure(`"message":"secrets is forbidden: User \"u\" cannot list","reason":"Forbidden","code":403`, "")},
		{"refused by a webhook", failure(`"message":‹"admission webhook \"h\" denied the request: password is pw"›,"reason":"Forbidden","code":403`, "")},
		{"refused by a policy", failure(`"message":‹"secrets \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: pw is short"›,"reason":"Forbidden","details":{"name":"x","causes":[{"message":‹"ValidatingAdmissionPolicy 'p' with binding 'b' denied request: pw is short"›}]},"code":403`, "")},
		{"refused by a policy, unauthorized", failure(`"message":‹"x: policy 'p' with binding 'b' denied request: pw is short"›,"reason":"Unauthorized","code":401`, "")},
		{"refused by a webhook that says conflict", failure(`"message":‹"admission webhook \"h\" denied the request: pw is in use"›,"reason":"Conflict","code":409`, "")},
		{"refused by a webhook that says authentication", failure(`"message":‹"Authentication failed, attempted: Admission of pw"›,"code":401`, "")},
		{"no webhook", failure(`"message":"Authentication failed, attempted: bearer","code":401`, "")},
		{"policy's finding", annotated("secrets", "create", `"validation.policy.admission.k8s.io/validation_failure":‹"[{\"message\":\"pw is short\"}]"›`)},
		{"policy's finding, ConfigMap", annotated("configmaps", "update", `"validation.policy.admission.k8s.io/validation_failure":‹"[{\"message\":\"pw is short\"}]"›`)},
		{"policy's finding, Pod", annotated("pods", "create", `"validation.policy.admission.k8s.io/validation_failure":"[{\"message\":\"image is old\"}]"`)},
		{"invalid", failure(`"status":"Failure","message":‹"data[x]: Invalid value: \"pw\""›,"reason":"Invalid","details":{"name":"n","causes":[{"reason":"FieldValueInvalid","message":‹"pw"›,"field":"data"}]},"code":422`,
			`"responseObject":{"kind":"Status","status":"Failure","message":‹"pw"›,"reason":"Invalid","details":{"causes":[{"message":‹"pw"›}]},"code":422}`)},
		{"invalid ConfigMap", failureOf("configmaps", "patch", `"status":"Failure","message":‹" \"\" is invalid: patch: Invalid value: \"{\\\"data\\\":{\\\"a\\\":\\\"pw\\\"}}\""›,"reason":"Invalid","details":{"causes":[{"reason":"FieldValueInvalid","message":‹"Invalid value: \"map[data:map[a:pw]]\""›,"field":"patch"}]},"code":422`,
			`"requestObject":{"data":{"b":‹3›}},"responseObject":{"kind":"Status","status":"Failure","message":‹"pw"›,"reason":"Invalid","details":{"causes":[{"message":‹"pw"›}]},"code":422}`)},
		{"ConfigMap that is not found", failureOf("configmaps", "update", `"status":"Failure","message":"configmaps \"x\" not found","reason":"NotFound","code":404`, "")},
		{"ConfigMap that cannot be read", failureOf("configmaps", "get", `"status":"Failure","message":"etcdserver: request timed out","reason":"Unknown","code":500`, "")},
		{"invalid Pod", failureOf("pods", "patch", `"status":"Failure","message":"x is invalid: \"y\"","reason":"Invalid","code":422`, "")},
		{"no credential in the URI", uriEvent(`/api/v1/pods?limit=500\u0026continue=eyJ2IjoibWV0YSJ9\u0026watch=true`)},
		{"access_token", uriEvent(`/api/v1/nodes/n/proxy/x?a=1\u0026access_token=‹abc%3D›\u0026b=2`)},
		{"tokens by other names", uriEvent(`/p?Token=‹a›&API-Key=‹b›&X-Amz-Signature=‹c›\u0026pass%77ord=‹d›&token=&tokens=e`)},
		{"credentials by their last words", uriEvent(`/p?api_token=‹a›\u0026accessToken=‹b›\u0026X-Vault-Token=‹c›\u0026client-assertion=‹d›\u0026user%5Bpassword%5D=‹e›\u0026code=‹f›\u0026sid=‹g›\u0026key=‹h›\u0026keys=i`)},
		{"parameters of the API", uriEvent(`/api/v1/pods?labelSelector=token%3Dx\u0026fieldSelector=a%3Db\u0026resourceVersion=1\u0026fieldManager=kubectl\u0026container=c\u0026pretty=true`)},
		{"quotes in the URI", uriEvent(`/proxy/api/v1/query?query=up{job=\"a\"}\u0026access_token=‹abc›\u0026b=\"c\\\"\u0026h=Bearer+‹def›\u0026i=\"\"\u0026j=‹eyJhbGci.eyJzdWIi.c2ln›`)},
		{"quotes in the token", uriEvent(`/x?token=‹\"a\"›`)},
		{"web token", uriEvent(`/proxy/login/‹eyJhbGci.eyJzdWIi.c2ln_-›/x?command=‹eyJhbGci.eyJzdWIi.c2ln›`)},
		{"bearer", uriEvent(`/exec?command=curl\u0026command=-H\u0026command=Authorization%3A+Bearer+‹abc.def›\u0026command=http%3A%2F%2Fx\u0026container=bearer`)},
		{"bearer in another case", uriEvent(`/x?h=bEaRer%20‹abc%2F›`)},
		{"command", uriEvent(`/exec?command=mysql\u0026command=--password%3Dhunter2\u0026stdin=true`)},
	}
}

func TestLine(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			r := newTest(t, Config{})
			line, want := marked(r, c.line)
			out, changed := r.Line(nil, []byte(line))
			if string(out) != want {
				t.Errorf("got  %s\nwant %s", out, want)
			}
			if changed != (line != want) {
				t.Errorf("changed %t", changed)
			}
			if twice, changed := r.Line(nil, []byte(want)); changed {
				t.Errorf("redacted twice it is %s", twice)
			}
			// In memory that is given, and once more, it is the same.
			again, _ := r.Line(make([]byte, 7, 4096), []byte(line))
			if string(again) != want {
				t.Errorf("then %s", again)
			}
		})
	}
}

// marked returns a line of a case and its expected result.
func marked(r *Redactor, text string) (line, want string) {
	for {
		before, rest, found := strings.Cut(text, "‹")
		line, want = line+before, want+before
		if !found {
			return line, want
		}
		var value string
		value, text, _ = strings.Cut(rest, "›")
		line += value
		switch {
		case strings.HasPrefix(value, `"`):
			want += marker(r, string(plain(value)))
		case strings.ContainsAny(before[len(before)-1:], ":[,{"):
			want += marker(r, value)
		default: // in a URI or a torn line
			want += strings.Trim(marker(r, value), `"`)
		}
	}
}

func plain(value string) []byte { return text([]byte(value)) }
