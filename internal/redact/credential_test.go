package redact

import (
	"strings"
	"testing"
)

func TestCredential(t *testing.T) {
	for names, want := range map[string]bool{
		// Credentials, however they are written.
		"access_token id_token refresh_token auth_token authtoken bearer_token private_token token Token TOKEN api_token apiToken session_token": true,
		"accessToken refreshToken X-Vault-Token X-Amz-Security-Token x_auth_token subject_token csrf-token token%5B%5D tok%65n %74%6F%6b%65%6E":  true,
		"authorization proxy-authorization auth bearer jwt x-jwt client_secret clientSecret secret secret_key secretKey access_key accessKey":    true,
		"AWSAccessKey api_key apikey apiKey APIKey x-api-key X-API-KEY api%5fkey private_key privateKey key code sid sessionid sessionId":        true,
		"password passwd passphrase pwd pass Pass user_password userPassword user[password] user%5Bpassword%5D db_pass dbPass old-pwd":           true,
		"X-Amz-Signature X-Goog-Signature sig signature client-assertion clientAssertion credentials password+":                                  true,
		// Those of the Kubernetes API.
		"continue labelSelector fieldSelector shardSelector resourceVersion resourceVersionMatch allowWatchBookmarks sendInitialEvents": false,
		"limit watch timeout timeoutSeconds pretty dryRun fieldManager fieldValidation force gracePeriodSeconds propagationPolicy":      false,
		"orphanDependents ignoreStoreReadErrorWithClusterBreakingPotential container command stdin stdout stderr tty ports path":        false,
		"follow previous sinceSeconds sinceTime tailLines limitBytes timestamps stream insecureSkipTLSVerifyBackend includeObject":      false,
		"as query boot pattern verbose exclude userAgent": false,
		// Others.
		"tokens token_type tokenizer passed compass bypass surpass keys keyId code_challenge zipcode unicode residue sort design authors step": false,
		"accessKeyId secretName password_hint é% % %% %6 _ a n":                                                                                false,
	} {
		for _, name := range strings.Fields(names) {
			if got := isCredential([]byte(name)); got != want {
				t.Errorf("%s: %t", name, got)
			}
		}
	}
	if long := strings.Repeat("x", 200); !isCredential([]byte(long+"_token")) || isCredential([]byte(long+"key")) || isCredential(nil) {
		t.Error("of a long name the end counts, and of none nothing")
	}
	for name, words := range map[string][2]string{
		"": {"", ""}, "a": {"a", "a"}, "X-Api-Key": {"xapikey", "key"}, "apiKEY": {"apikey", "key"}, "key%2dBag_": {"keybag", "bag"}, "a1b": {"a1b", "b"},
	} {
		if whole, word := normal(nil, []byte(name)); string(whole) != words[0] || string(whole[word:]) != words[1] {
			t.Errorf("%s: %s, %s", name, whole, whole[word:])
		}
	}
}

// Separators behind a name change nothing, and a query with such a parameter is not
// plain wherever it stands.
func FuzzCredential(f *testing.F) {
	for _, name := range []string{"access%5Ftoken", "apiKey", "x-pass", "[sid]", "%4bey", "fieldSelector", "toke%6E", "t%6fken", "%74oken", "%6be%79", "ke%", "a=b?session_id"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		is := isCredential([]byte(name))
		if len(name) < maxParameter && isCredential([]byte(name+"_")) != is {
			t.Errorf("%q", name)
		}
		if !is || strings.ContainsAny(name, `?&=\;#/%`) {
			return
		}
		for _, uri := range []string{"/x?a=b&" + name + "=c", "/x?a=b;" + name + "=c", "/x;" + name + "=c/y", "/x#" + name + "=c", "/x?a=%2Fy%3F" + name + "%3Dc", "/x?a=%252Fy%253fb%253D%2526" + name + "%253dc"} {
			if plainURI([]byte(uri)) {
				t.Errorf("%q is plain", uri)
			}
		}
	})
}

// FuzzParameters: the values are in their order, and however a URI is cut, it takes no more steps than
// it has bytes.
func FuzzParameters(f *testing.F) {
	for _, uri := range []string{"/a;b=c/d?e=f&g=h;i=j#k=l", `/x?a=b\u0026c=d`, "/x?a=%3Fb%3Dc%26d=e", "/%", "/%2", "/%25", "/%252", `/\u00`, `/\u0026=`, "?=&=;=", "%253d"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, text string) {
		uri, last := []byte(text), 0
		for value := range parameters(uri, func(name []byte) bool { return len(name)%2 == 0 }) {
			if value.from < last || value.to < value.from || value.to > len(uri) {
				t.Fatalf("%q: %v behind %d", text, value, last)
			}
			last = value.to
		}
		steps := 0
		for i := 0; i < len(uri); steps++ {
			_, _, next := character(uri, i)
			if next <= i || next > len(uri) {
				t.Fatalf("%q: from %d to %d", text, i, next)
			}
			i = next
		}
	})
}
