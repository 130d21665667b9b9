package policy

import (
	"reflect"
	"strings"
	"testing"
)

func read(t *testing.T, parameters string) *Parameters {
	t.Helper()
	read, err := Read(parameters)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

const ownerAndCost = `{
	"keys": {
		"owner": {"pattern": "team-[a-z]+"},
		"example.com/cost-center": {"values": ["4711", "4712"]}
	},
	"namespaces": {"weather": {"owner": "team-weather", "example.com/cost-center": "4711"}}
}`

func TestWhatAServerSaysOfItselfIsCopied(t *testing.T) {
	server := Server{Namespace: "default", Labels: map[string]string{
		"owner": "team-a", "example.com/cost-center": "4712", "other": "x",
	}}
	ownership, problems := read(t, ownerAndCost).Of(server)
	want := map[string]string{"owner": "team-a", "example.com/cost-center": "4712"}
	if problems != nil || !reflect.DeepEqual(ownership.Labels, want) {
		t.Fatal(ownership, problems)
	}
}

func TestTheNamespaceSaysWhatTheServerDoesNot(t *testing.T) {
	server := Server{Namespace: "weather", Labels: map[string]string{"owner": "team-storm"}}
	ownership, problems := read(t, ownerAndCost).Of(server)
	want := map[string]string{"owner": "team-storm", "example.com/cost-center": "4711"}
	if problems != nil || !reflect.DeepEqual(ownership.Labels, want) {
		t.Fatal(ownership, problems)
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		want   []Problem
	}{
		"nothing is said": {nil, []Problem{
			{"CostCenterMissing", "Set the label example.com/cost-center to one of: 4711, 4712.", "metadata.labels"},
			{"OwnerMissing", "Set the label owner to a value that matches team-[a-z]+.", "metadata.labels"},
		}},
		"an empty value says nothing": {map[string]string{"owner": "", "example.com/cost-center": "4711"}, []Problem{
			{"OwnerMissing", "Set the label owner to a value that matches team-[a-z]+.", "metadata.labels"},
		}},
		"the whole value has to match": {map[string]string{"owner": "team-a1", "example.com/cost-center": "1"}, []Problem{
			{"CostCenterNotAllowed", `The label example.com/cost-center is "1"; write one of: 4711, 4712.`,
				"metadata.labels[example.com/cost-center]"},
			{"OwnerNotAllowed", `The label owner is "team-a1"; write a value that matches team-[a-z]+.`, "metadata.labels[owner]"},
		}},
	} {
		_, problems := read(t, ownerAndCost).Of(Server{Namespace: "default", Labels: test.labels})
		if !reflect.DeepEqual(problems, test.want) {
			t.Errorf("%s: %+v", name, problems)
		}
	}
}

func TestAnnotationsAreCopiedAsAnnotations(t *testing.T) {
	parameters := read(t, `{"keys": {"on-call": {"in": "annotations"}, "owner": {"copy": false}}}`)
	server := Server{
		Labels:      map[string]string{"owner": "team-a", "on-call": "not looked at"},
		Annotations: map[string]string{"on-call": "Ada <ada@example.com>"},
	}
	ownership, problems := parameters.Of(server)
	want := Ownership{map[string]string{}, map[string]string{"on-call": "Ada <ada@example.com>"}}
	if problems != nil || !reflect.DeepEqual(ownership, want) {
		t.Fatal(ownership, problems)
	}
	_, problems = parameters.Of(Server{Labels: server.Labels})
	want2 := Problem{"OnCallMissing", "Set the annotation on-call to a value that is not empty.", "metadata.annotations"}
	if len(problems) != 1 || problems[0] != want2 {
		t.Fatal(problems)
	}
}

func TestWhatIsNotRequiredMayBeMissingButNotWrong(t *testing.T) {
	parameters := read(t, `{"keys": {"tier": {"required": false, "values": ["gold"]}}}`)
	if ownership, problems := parameters.Of(Server{}); problems != nil || len(ownership.Labels) != 0 {
		t.Fatal(ownership, problems)
	}
	_, problems := parameters.Of(Server{Labels: map[string]string{"tier": "lead"}})
	if len(problems) != 1 || problems[0].Code != "TierNotAllowed" {
		t.Fatal(problems)
	}
}

func TestMistakesInParametersAreNamedWithTheirPath(t *testing.T) {
	const keys = `"keys": {"owner": {"values": ["a", "-"]}, "mail": {"in": "annotations"}}`
	for parameters, want := range map[string]string{
		`{"keys": {"owner": {"pattern": "("}}}`:                        "parameters.keys[owner].pattern: error parsing regexp",
		`{` + keys + `, "namespaces": {"x": {"ownr": "a"}}}`:           "parameters.namespaces.x[ownr]: there is no such key",
		`{` + keys + `, "namespaces": {"x": {"owner": "b"}}}`:          `parameters.namespaces.x[owner]: "b" is not allowed; write one of: a, -`,
		`{` + keys + `, "namespaces": {"x": {"owner": "-"}}}`:          `parameters.namespaces.x[owner]: "-" cannot be the value of a label`,
		`{` + keys + `, "namespaces": {"x": {"mail": "a@b", "y": 1}}}`: "parameters: json: cannot unmarshal number",
	} {
		if _, err := Read(parameters); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", parameters, err)
		}
	}
	read(t, `{`+keys+`, "namespaces": {"x": {"mail": "Ada <a@b>"}}}`)
}

func TestAServerIsRead(t *testing.T) {
	server, err := ReadServer(`{"metadata": {"namespace": "n", "labels": {"owner": "a"}}, "spec": {}}`)
	if err != nil || server.Namespace != "n" || server.Labels["owner"] != "a" {
		t.Fatal(server, err)
	}
}
