package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Kinds are those whose objects are labelled, by apiVersion and kind. Others are handed on as they are. A StatefulSet, which an
// earlier plugin may have rendered, can be labelled where that kind is granted.
var Kinds = [][2]string{
	{"apps/v1", "Deployment"},
	{"apps/v1", "StatefulSet"},
	{"v1", "Service"},
	{"networking.k8s.io/v1", "NetworkPolicy"},
}

// fields are an object of which only what is looked at is parsed: the rest stays the text that it came in.
type fields map[string]json.RawMessage

// PutOn puts an ownership on one object, and on its pod template where it has one. What is not known here goes on as the
// text that it was, numbers included. Its errors are an earlier plugin's doing.
func (o Ownership) PutOn(object string) (string, error) {
	var root fields
	if err := json.Unmarshal([]byte(object), &root); err != nil {
		return "", err
	}
	if !labelled(root) {
		return object, nil
	}
	if err := o.metadata(root, "metadata"); err != nil {
		return "", err
	}
	if kind := string(root["kind"]); kind == `"Deployment"` || kind == `"StatefulSet"` {
		if err := o.metadata(root, "spec.template.metadata"); err != nil {
			return "", err
		}
	}
	return root.text()
}

func labelled(root fields) bool {
	for _, kind := range Kinds {
		if string(root["apiVersion"]) == `"`+kind[0]+`"` && string(root["kind"]) == `"`+kind[1]+`"` {
			return true
		}
	}
	return false
}

func (o Ownership) metadata(root fields, path string) error {
	if err := root.merge(path+"."+Labels, o.Labels); err != nil {
		return err
	}
	return root.merge(path+"."+Annotations, o.Annotations)
}

// merge puts values into the object at this path, which is made where there is none.
func (f fields) merge(path string, values map[string]string) error {
	if len(values) == 0 {
		return nil
	}
	name, rest, deeper := strings.Cut(path, ".")
	inner := fields{}
	if text, given := f[name]; given {
		if err := json.Unmarshal(text, &inner); err != nil {
			return fmt.Errorf("%s should be an object; an earlier plugin put something else there", name)
		}
	}
	if inner == nil { // it was null
		inner = fields{}
	}
	if deeper {
		if err := inner.merge(rest, values); err != nil {
			return fmt.Errorf("%s.%w", name, err)
		}
	} else {
		for key, value := range values {
			inner[key] = quoted(value)
		}
	}
	text, err := inner.text()
	f[name] = json.RawMessage(text)
	return err
}

func (f fields) text() (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(f)
	return strings.TrimSuffix(out.String(), "\n"), err
}

func quoted(text string) json.RawMessage {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // there is no text that JSON cannot quote
	}
	return quoted
}
