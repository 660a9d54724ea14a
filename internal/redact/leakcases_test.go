package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// leakTexts are forms of a Secret as text.
func leakTexts() map[string]string {
	s := leakSecret
	manifest := `{"kind":"Secret","apiVersion":"v1","stringData":{"p":"` + s + `"}}`
	yaml := "apiVersion: v1\nkind: Secret\nstringData:\n  p: " + s + "\n"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(manifest))
	_ = w.Close()
	std, noPad := base64.StdEncoding, base64.RawURLEncoding
	folded := std.EncodeToString([]byte(yaml))
	return map[string]string{
		"JSON":                  manifest,
		"indented JSON":         "{\n  \"kind\": \"Secret\",\n  \"stringData\": {\"p\": \"" + s + "\"}\n}",
		"JSON of a list":        `{"kind":"List","items":[` + manifest + `]}`,
		"JSON of a SecretList":  `{"kind":"SecretList","items":[{"stringData":{"p":"` + s + `"}}]}`,
		"JSON in JSON":          `{"spec":` + quote(manifest) + `}`,
		"JSON with escapes":     `{"kind":"S\u0065cret","stringData":{"p":"` + s + `"}}`,
		"YAML":                  yaml,
		"YAML, kind at the end": "stringData:\n  p: " + s + "\nkind: Secret",
		"YAML with quotes":      "kind: 'Secret'\nstringData: {p: " + s + "}\n",
		"YAML with more quotes": "\"kind\": \"Secret\"\nstringData: {p: " + s + "}\n",
		"YAML, one line":        "{kind: Secret, stringData: {p: " + s + "}}",
		"YAML with CR":          strings.ReplaceAll(yaml, "\n", "\r\n"),
		"YAML with a comment":   "kind: Secret # ours\nstringData: {p: " + s + "}",
		"YAML of a list":        "kind: SecretList\nitems: [{stringData: {p: " + s + "}}]\n",
		"YAML, documents":       "kind: ConfigMap\n---\n" + yaml,
		"base64 of JSON":        std.EncodeToString([]byte(manifest)),
		"base64 of JSON, 1":     std.EncodeToString([]byte(" " + manifest)),
		"base64 of JSON, 2":     std.EncodeToString([]byte("  " + manifest)),
		"base64url of JSON":     noPad.EncodeToString([]byte(manifest)),
		"base64 of YAML":        std.EncodeToString([]byte(yaml)),
		"base64 of YAML, 1":     std.EncodeToString([]byte("\n" + yaml)),
		"base64 of YAML, 2":     std.EncodeToString([]byte("-\n" + yaml)),
		"base64 in lines":       folded[:64] + "\n" + folded[64:],
		"base64 of gzip":        std.EncodeToString(packed.Bytes()),
	}
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return strings.TrimSpace(b.String())
}

const leakJWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJr" + leakSecret + "." + leakSecret

func leakCases() (all []leakCase) {
	add := func(name, rule string, p eventParts) { all = append(all, leakCase{name, rule, p.line()}) }
	const s = leakSecret
	b64 := base64.StdEncoding.EncodeToString([]byte(s))
	addBodies(add, s, b64)
	addCopies(add)
	addInner(add, s)
	addMessages(add, s)
	addTokens(add, s)
	addURIs(add, s)
	addPods(add, s)
	addOthers(add, s, b64)
	return all
}

type adder func(name, rule string, p eventParts)

// addBodies adds Secrets and ConfigMaps, in the forms of requests and responses.
func addBodies(add adder, s, b64 string) {
	secret := `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"},"data":{"p":"` + b64 + `"},"type":"Opaque"}`

	for name, body := range map[string]string{
		"data": secret, "stringData": `{"kind":"Secret","stringData":{"p":"` + s + `"}}`, "unknown field": `{"kind":"Secret","stringdata_":{"p":"` + s + `"},"spec":"` + s + `"}`,
		"other case": `{"Kind":"Secret","DATA":{"p":"` + b64 + `"},"StringData":{"q":"` + s + `"}}`, "list": `{"kind":"SecretList","items":[` + secret + `]}`,
		"table":       `{"kind":"Table","rows":[{"cells":["x"],"object":` + secret + `}]}`,
		"watch event": `{"type":"ADDED","object":` + secret + `}`,
		"JSON patch":  `[{"op":"test","path":"/data/p","value":"` + b64 + `"}]`, "merge patch": `{"$patch":"replace","data":{"p":"` + s + `"}}`,
		"docker":              `{"data":{".dockerconfigjson":"` + base64.StdEncoding.EncodeToString([]byte(`{"auth":"`+b64+`"}`)) + `"}}`,
		"diff":                `{"metadata":{"annotations":{"kapp.k14s.io/original-diff-full":"- stringD\n+ password: ` + s + `"}}}`,
		"applied, other case": `{"metadata":{"annotations":{"Kubectl.kubernetes.io/Last-Applied-Configuration":"` + s + `"}}}`,
		"applied by Rancher":  `{"metadata":{"annotations":{"objectset.rio.cattle.io/applied":"` + b64 + `"}}}`,
		"long base64":         `{"metadata":{"annotations":{"x/original":"` + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 20)+s)) + `"}}}`,
		"JSON patch, applied": `[{"op":"add","path":"/metadata/annotations/x~1last-applied-configuration","value":"` + s + `"}]`,
	} {
		add("Secret/"+name, "", eventParts{resource: "secrets", request: body})
		add("Secret/response/"+name, "", eventParts{resource: "secrets", verb: "list", response: body})
		if !strings.Contains(name, "other case") {
			body = strings.ReplaceAll(body, `"Secret`, `"ConfigMap`)
			add("ConfigMap/"+name, "", eventParts{resource: "configmaps", verb: "update", request: body})
			add("ConfigMap read/"+name, ruleConfigMapReads, eventParts{resource: "configmaps", verb: "get", response: body})
		}
	}
}

// addCopies adds a Secret as text in an annotation of any object, of a template in it, of a patch.
func addCopies(add adder) {
	for name, text := range leakTexts() {
		annotation := `{"metadata":{"annotations":{"example.com/copy":` + quote(text) + `}}}`
		add("annotation/"+name, "", eventParts{resource: "widgets", group: "example.com", request: annotation})
		add("annotation of a Secret/"+name, "", eventParts{resource: "secrets", request: annotation})
		add("template/"+name, "", eventParts{resource: "deployments", group: "apps", verb: "update", response: `{"kind":"Deployment","spec":{"template":` + annotation + `}}`})
		add("list/"+name, "", eventParts{resource: "widgets", verb: "list", response: `{"items":[` + annotation + `]}`})
		add("patch/"+name, "", eventParts{resource: "widgets", verb: "patch", request: `[{"op":"add","path":"/metadata/annotations/example.com~1copy","value":` + quote(text) + `}]`})
		add("patch of all/"+name, "", eventParts{resource: "widgets", verb: "patch", request: `[{"op":"add","path":"/metadata","value":{"annotations":{"a":` + quote(text) + `}}}]`})
		add("field/"+name, "manifest-works", eventParts{resource: "manifestworks", group: "work.open-cluster-management.io", request: `{"kind":"ManifestWork","spec":{"raw":` + quote(text) + `}}`})
	}
}

// addInner adds a Secret in another object.
func addInner(add adder, s string) {
	for name, body := range map[string]string{
		"escaped kind":        `{"kind":"\u0053ecret","data":{"p":"` + s + `"}}`,
		"escaped in the word": `{"kind":"Se\u0063ret","data":{"p":"` + s + `"}}`,
		"escaped key":         `{"k\u0069nd":"Secret","data":{"p":"` + s + `"}}`,
		"other case":          `{"Kind":"Secret","Data":{"p":"` + s + `"},"stringdata":{"q":"` + s + `"},"binaryData":{"z":"` + s + `"}}`,
		"kinds, last":         `{"kind":"X","data":{"p":"` + s + `"},"kind":"Secret"}`,
		"kinds, first":        `{"kind":"Secret","kind":"X","data":{"p":"` + s + `"}}`,
		"list":                `{"kind":"SecretList","items":[{"data":{"p":"` + s + `"}}]}`,
		"annotation":          `{"kind":"Secret","metadata":{"annotations":{"x":"+ password: ` + s + `\n"}}}`,
		"spaces":              `{ "kind" : "Secret" , "data" : { "p" : "` + s + `" } }`,
	} {
		add("inner Secret/"+name, "", eventParts{resource: "widgets", group: "example.com", request: `{"kind":"Widget","spec":{"template":` + body + `}}`})
		add("inner Secret, patch/"+name, "", eventParts{resource: "widgets", group: "example.com", verb: "patch", request: `[{"op":"add","path":"/spec/template","value":` + body + `}]`})
	}
}

// addMessages adds messages and annotations of the event.
func addMessages(add adder, s string) {
	for name, resource := range map[string]string{"Secret": "secrets", "ConfigMap": "configmaps", "TokenReview": "tokenreviews"} {
		add("message/"+name, "", eventParts{resource: resource, status: `"status":"Failure","message":"cannot be handled: ...|token\":\"` + s + `\"|...","reason":"BadRequest","details":{"causes":[{"message":"` + s + `"}]},"code":400`})
		add("message of a webhook/"+name, "", eventParts{resource: resource, status: `"status":"Failure","message":"admission webhook \"h\" denied the request: ` + s + `","reason":"Forbidden","code":403`})
	}
	for _, resource := range []string{"secrets", "pods", "tokenreviews", "widgets"} {
		for _, key := range []string{"patch.webhook.admission.k8s.io/round_0_index_0", "patch.webhook.admission.k8s.io/round_1_index_12", "mutation.policy.admission.k8s.io/patch"} {
			add(key+"/"+resource, "", eventParts{resource: resource, annotations: `{"a":"b","` + key + `":"{\"patch\":[{\"op\":\"add\",\"path\":\"/x\",\"value\":\"` + s + `\"}]}"}`})
		}
	}
	add("finding", "", eventParts{resource: "secrets", annotations: `{"validation.policy.admission.k8s.io/validation_failure":"[{\"message\":\"` + s + `\"}]"}`})
}

// addTokens adds tokens in every part of an event.
func addTokens(add adder, s string) {
	add("TokenRequest", "", eventParts{resource: "serviceaccounts", sub: "token", response: `{"kind":"TokenRequest","status":{"token":"` + leakJWT + `"}}`})
	add("TokenReview", "", eventParts{resource: "tokenreviews", request: `{"spec":{"Token":"` + s + `"}}`, response: `{"spec":{"token":"` + s + `"},"status":{"error":"[invalid bearer token, parse \"` + s + `\"]"}}`})
	for name, token := range map[string]string{
		"web token": leakJWT, "bearer": "Bearer " + s, "header": "curl Authorization: Bearer " + s, "colon": "bearer:" + s, "capitals": "BEARER=" + s,
		"tab": `bearer\t` + s, "quotes": `bearer \"` + s + `\"`, "two spaces": "Bearer  " + s, "twice": "Bearer bearer " + s, "base64 letters": "Bearer a+b/" + s + "=",
		"forged marker": "Bearer redacted:hmac-sha256:" + strings.Repeat("0", 32) + ":5" + s, "long": "Bearer " + s + strings.Repeat("C", 300_000),
		"protocol": "base64url.bearer.authorization.k8s.io." + s, "percent": "Bearer%20" + s,
	} {
		add("user name/"+name, "", eventParts{resource: "pods", user: `{"username":"` + token + `"}`})
		add("user uid/"+name, "", eventParts{resource: "pods", user: `{"username":"u","uid":"` + token + `"}`})
		add("group/"+name, "", eventParts{resource: "pods", imp: `{"username":"u","groups":["a","` + token + `"]}`})
		add("extra/"+name, "", eventParts{resource: "pods", user: `{"username":"u","extra":{"oidc/claims":["a","` + token + `"]}}`})
		add("agent/"+name, "", eventParts{resource: "pods", agent: token})
		add("authentication/"+name, "", eventParts{resource: "pods", authn: `{"impersonationConstraint":"` + token + `"}`})
		add("event annotation/"+name, "", eventParts{resource: "pods", annotations: `{"example.com/a":"` + token + `"}`})
		add("message/"+name, "", eventParts{resource: "pods", status: `"message":"x ` + token + `","reason":"Invalid","details":{"causes":[{"message":"` + token + `"}]},"code":400`})
		add("no object/"+name, "", eventParts{ref: "{}", agent: token})
	}
	for _, key := range []string{"acme.com/password", "oidc/id_token", "X-Auth-Token", "example.com/apiKey", "client%5fsecret", "secret"} {
		add("extra by name/"+key, "", eventParts{resource: "pods", user: `{"username":"u","extra":{"a":["b"],"` + key + `":["` + s + `"]}}`})
		add("impersonated extra by name/"+key, "", eventParts{resource: "pods", imp: `{"username":"u","extra":{"` + key + `":["a","` + s + `"]}}`})
	}
	add("credential ID", "credential-ids", eventParts{resource: "pods", user: `{"username":"u","extra":{"authentication.kubernetes.io/credential-id":["JTI=` + s + `"]}}`})
	add("source", "source-addresses", eventParts{resource: "pods", ips: `["10.0.0.1","` + s + `"]`})
}

// addURIs adds credentials in URIs.
func addURIs(add adder, s string) {
	encoded := url.QueryEscape
	for name, query := range map[string]string{
		"query": "?access_token=" + s, "later": "?a=b&password=" + s, "as JSON": `?a=b\u0026password=` + s, "semicolon": "?a=1;password=" + s, "semicolons": "?password=a;" + s, "fragment": "#access_token=" + s,
		"list": "?password[]=" + s, "index": "?user%5Bpassword%5D=" + s, "encoded name": "?pass%77ord=" + s, "twice": "?pass%2577ord=" + s, "thrice": "?pass%252577ord=" + s,
		"nested": "?next=" + encoded("/l?password="+s), "nested later": "?next=" + encoded("/l?a=b&password="+s+"&c=d"), "nested twice": "?next=" + encoded("/l?then="+encoded("/m?token="+s)), "nested value": "?state=" + encoded("token="+s),
		"in a value": "?u=http://x/?token=" + s, "segment": "a;password=" + s + "/b", "segment alone": "token=" + s + "/b", "encoded semicolon": "?a=" + encoded("b;token="+s),
		"web token": "x/" + leakJWT + "/y", "bearer": "?h=Authorization%3A+Bearer+" + s, "bearer twice encoded": "?h=Authorization%253A%2520Bearer%2520" + s, "bearer in quotes": "?h=%22Bearer+%22" + s,
		"forged marker": "?q=bearer%20redacted:hmac-sha256:" + strings.Repeat("0", 32) + ":5" + s, "forged value": "?token=redacted:hmac-sha256:" + strings.Repeat("0", 32) + ":5" + s, "empty first": "?=&&;?token=" + s,
		"with a question": "?token=a?b" + s, "selector": "?labelSelector=a;token=" + s,
	} {
		add("URI/"+name, "", eventParts{resource: "services", sub: "proxy", verb: "get", uri: "/api/v1/namespaces/n/services/x/proxy/" + query})
		add("URI of none/"+name, "", eventParts{ref: "{}", verb: "get", uri: "/x/" + query})
	}
	for name, query := range map[string]string{
		"path": "reset/" + s, "user": "?u=https://admin:" + s + "@h/", "otp": "?otp=" + s, "number": "?token1=" + s, "plural": "?passwords=" + s,
	} {
		rule := "proxied-parameters"
		if name == "path" {
			rule = "proxied-paths"
		}
		add("URI, "+name, rule, eventParts{resource: "services", sub: "proxy", verb: "get", uri: "/api/v1/namespaces/n/services/x/proxy/" + query})
	}
	for _, selector := range []string{"labelSelector=password%3D", "fieldSelector=metadata.name%3D"} {
		add("URI, "+selector, "secret-selectors", eventParts{resource: "secrets", verb: "list", uri: "/api/v1/secrets?" + selector + s})
	}
}

// addPods adds commands and environment variables.
func addPods(add adder, s string) {
	for _, command := range []string{"command=mysql&command=-p&command=" + s, `command=mysql\u0026command=--password%3D` + s, "command=curl&command=-H&command=Authorization%3A+Basic+" + s, "c%6fmmand=" + s, "container=c&command=" + s + "&stdin=true"} {
		add("exec/"+command, ruleCommands, eventParts{resource: "pods", sub: "exec", uri: "/api/v1/namespaces/n/pods/x/exec?" + command})
		add("attach/"+command, ruleCommands, eventParts{resource: "pods", sub: "attach", verb: "get", uri: "/api/v1/namespaces/n/pods/x/attach?" + command})
		add("kubelet/"+command, ruleCommands, eventParts{resource: "nodes", sub: "proxy", uri: "/api/v1/nodes/x/proxy/exec/n/p/c?" + command})
	}
	add("kubelet/cmd", ruleCommands, eventParts{resource: "nodes", sub: "proxy", verb: "get", uri: "/api/v1/nodes/x/proxy/run/n/p/c?cmd=echo+" + s})
	for _, name := range []string{"DB_PASSWORD", "PASSWORD", "API_KEY", "githubToken", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"} {
		variable := `{"name":"` + name + `","value":"` + s + `"}`
		container := `{"containers":[{"name":"c","env":[{"name":"A","value":"b"},` + variable + `]}]}`
		add("Pod/"+name, ruleEnvironment, eventParts{resource: "pods", request: `{"kind":"Pod","spec":` + container + `}`})
		add("CronJob/"+name, ruleEnvironment, eventParts{resource: "cronjobs", group: "batch", request: `{"spec":{"jobTemplate":{"spec":{"template":{"spec":` + container + `}}}}}`})
		add("list/"+name, ruleEnvironment, eventParts{resource: "pods", verb: "list", response: `{"items":[{"spec":` + container + `}]}`})
		add("patch/"+name, ruleEnvironment, eventParts{resource: "pods", verb: "patch", request: `[{"op":"add","path":"/spec/containers/0/env/-","value":` + variable + `}]`})
		add("patch of a value/"+name, ruleEnvironment, eventParts{resource: "pods", verb: "patch", request: `[{"op":"add","path":"/spec/containers/0/env/0/value","value":"` + s + `"}]`})
		add("applied/"+name, ruleEnvironment, eventParts{resource: "deployments", verb: "patch", request: `{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":` + quote(container) + `}}}`})
	}
	add("variable by a pattern", "deployment-variables", eventParts{resource: "deployments", group: "apps", request: `{"spec":{"template":{"spec":{"containers":[{"env":[{"name":"PG_DSN","value":"` + s + `"}]}]}}}}`})
}

// addOthers adds the values that have a rule in the shipped file.
func addOthers(add adder, s, b64 string) {
	meta := func(member string) string { return `{"kind":"Secret","metadata":{"name":"x",` + member + `}}` }
	add("label of a Secret", "secret-labels", eventParts{resource: "secrets", request: meta(`"labels":{"p":"` + s + `"}`)})
	add("annotation of a Secret", "secret-annotations", eventParts{resource: "secrets", request: meta(`"annotations":{"vault/password":"` + s + `"}`)})
	add("type of a Secret", "secret-types", eventParts{resource: "secrets", request: `{"type":"` + s + `"}`})
	add("finalizer of a Secret", "secret-owners", eventParts{resource: "secrets", request: meta(`"finalizers":["a/` + s + `"]`)})
	add("name of a Secret", "secret-names", eventParts{resource: "secrets", request: meta(`"generateName":"` + s + `"`)})
	add("key of a Secret", "secret-keys", eventParts{resource: "secrets", request: `{"data":{"` + s + `":""}}`})
	add("key of a Secret in a patch", "secret-keys", eventParts{resource: "secrets", verb: "patch", request: `[{"op":"remove","path":"/data/` + s + `"}]`})
	add("key of a Secret in a list", "secret-keys", eventParts{resource: "secrets", verb: "list", response: `{"items":[{"data":{"` + s + `":"a"}}]}`})
	add("key of a Secret in a failure", "secret-keys", eventParts{resource: "secrets", status: `"message":"x","reason":"Invalid","details":{"causes":[{"field":"data[` + s + `]"}]},"code":422`})
	add("a policy's own annotation", "policy-annotations", eventParts{resource: "secrets", annotations: `{"mypolicy.example.com/value":"object.data = ` + s + `"}`})
	add("tokens of a CSI driver", "pod-volumes", eventParts{resource: "pods", request: `{"spec":{"volumes":[{"csi":{"volumeAttributes":{"csi.storage.k8s.io/serviceAccount.tokens":"{\"aud\":{\"token\":\"` + s + `\"}}"}}}]}}`})
	add("template of Vault", "pod-annotations", eventParts{resource: "pods", request: `{"metadata":{"annotations":{"vault.hashicorp.com/agent-inject-template-x":"{{ ` + s + ` }}"}}}`})
	add("failure of a Pod", "pod-failures", eventParts{resource: "pods", status: `"message":"Pod \"x\" is invalid: spec.containers[0].env[0].value: Invalid value: \"` + s + `\"","reason":"Invalid","code":422`})
	add("CSR", "certificate-requests", eventParts{resource: "certificatesigningrequests", group: "certificates.k8s.io", request: `{"spec":{"request":"` + b64 + `","extra":{"a":["` + s + `"]}}}`})
	add("webhook, mutating", "mutating-webhook-urls", eventParts{resource: "mutatingwebhookconfigurations", group: "admissionregistration.k8s.io", request: `{"webhooks":[{"clientConfig":{"url":"https://user:` + s + `@h/"}}]}`})
	add("webhook, validating", "validating-webhook-urls", eventParts{resource: "validatingwebhookconfigurations", group: "admissionregistration.k8s.io", verb: "patch", request: `[{"op":"replace","path":"/webhooks/0/clientConfig/url","value":"https://user:` + s + `@h/"}]`})
	add("access review", "access-reviews", eventParts{resource: "subjectaccessreviews", group: "authorization.k8s.io", request: `{"spec":{"extra":{"token":["` + s + `"]}}}`})
	add("message of an Event", "event-messages", eventParts{resource: "events", request: `{"kind":"Event","message":"Failed to pull with password ` + s + `"}`})
	add("volume", "volume-attributes", eventParts{resource: "persistentvolumes", request: `{"spec":{"csi":{"volumeAttributes":{"password":"` + s + `"}}}}`})
	add("ExternalSecret", "external-secrets", eventParts{resource: "externalsecrets", group: "external-secrets.io", request: `{"spec":{"target":{"template":{"data":{"p":"` + s + `"}}}}}`})
	add("SecretProviderClass", "secret-provider-classes", eventParts{resource: "secretproviderclasses", group: "secrets-store.csi.x-k8s.io", request: `{"spec":{"p":"` + s + `"}}`})
	add("SealedSecret", "sealed-secret-failures", eventParts{resource: "sealedsecrets", group: "bitnami.com", status: `"message":"denied: {\"kind\":\"Secret\",\"stringData\":{\"p\":\"` + s + `\"}}","reason":"Invalid","code":422`})
	add("Object of Crossplane", "crossplane-objects", eventParts{resource: "objects", group: "kubernetes.crossplane.io", verb: "patch", request: `[{"op":"add","path":"/spec/forProvider/manifest/data/p","value":"` + b64 + `"}]`})
}
