package policy

import (
	"strings"
	"testing"
)

var ownership = Ownership{
	Labels:      map[string]string{"owner": "team-a"},
	Annotations: map[string]string{"on-call": "Ada, room 7"},
}

func putOn(t *testing.T, object string) string {
	t.Helper()
	text, err := ownership.PutOn(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestObjectsAndPodTemplatesAreLabelled(t *testing.T) {
	deployment := putOn(t, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"app":"x","owner":"old"},"name":"x"}}`)
	const metadata = `"annotations":{"on-call":"Ada, room 7"},"labels":`
	want := `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{` + metadata + `{"app":"x","owner":"team-a"},"name":"x"},` +
		`"spec":{"template":{"metadata":{` + metadata + `{"owner":"team-a"}}}}}`
	if deployment != want {
		t.Error(deployment)
	}
	service := putOn(t, `{"apiVersion":"v1","kind":"Service","metadata":null}`)
	if service != `{"apiVersion":"v1","kind":"Service","metadata":{`+metadata+`{"owner":"team-a"}}}` {
		t.Error(service)
	}
}

func TestWhatIsNotKnownStaysTheTextThatItWas(t *testing.T) {
	const odd = `{"a":12345678901234567890,"b":1.10,"c":1e3,"d":"<&>\u2028","e":[null,{}]}`
	text := putOn(t, `{"apiVersion":"apps/v1","kind":"Deployment","spec":{"odd":`+odd+`}}`)
	if !strings.Contains(text, `"odd":`+odd) {
		t.Error(text)
	}
}

func TestOtherKindsAreHandedOn(t *testing.T) {
	const config = `{ "apiVersion": "v1", "kind": "ConfigMap", "data": {} }`
	if text := putOn(t, config); text != config {
		t.Error(text)
	}
}

func TestNothingToCopyLeavesMetadataAlone(t *testing.T) {
	const service = `{"apiVersion":"v1","kind":"Service"}`
	if text, err := (Ownership{}).PutOn(service); err != nil || text != service {
		t.Error(text, err)
	}
}

func TestAnOddObjectOfAnEarlierPluginIsNamed(t *testing.T) {
	_, err := ownership.PutOn(`{"apiVersion":"apps/v1","kind":"Deployment","spec":{"template":{"metadata":[]}}}`)
	if err == nil || err.Error() != "spec.template.metadata should be an object; an earlier plugin put something else there" {
		t.Error(err)
	}
}
