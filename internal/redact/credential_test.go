package redact

import (
	"bytes"
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
			if got := credential([]byte(name)); got != want {
				t.Errorf("%s: %t", name, got)
			}
		}
	}
	if long := strings.Repeat("x", 200); !credential([]byte(long+"_token")) || credential([]byte(long+"key")) || credential(nil) {
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

// What is between words behind a name changes nothing, and a query with such a parameter is not
// plain wherever it stands.
func FuzzCredential(f *testing.F) {
	for _, name := range []string{"access%5Ftoken", "apiKey", "x-pass", "[sid]", "%4bey", "fieldSelector", "toke%6E", "t%6fken", "%74oken", "%6be%79", "ke%", "a=b?session_id"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		is := credential([]byte(name))
		if len(name) < maxParameter && credential([]byte(name+"_")) != is {
			t.Errorf("%q", name)
		}
		if is && !strings.ContainsAny(name, `?&=\`) && plainURI([]byte("/x?a=b&"+name+"=c")) {
			t.Errorf("%q in a query", name)
		}
		uri := []byte("/x?" + name + "=a&b=c" + name + "=d")
		want := !bytes.Contains(uri, []byte(webTokenHead)) && !hasBearer(uri)
		for name := range parameters(uri) {
			want = want && !credential(uri[name.from:name.to])
		}
		if plainURI(uri) != want {
			t.Errorf("%q: want %t", uri, want)
		}
	})
}
