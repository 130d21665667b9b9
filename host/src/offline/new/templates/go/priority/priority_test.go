package priority

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

func TestTheLabelChoosesAmongTheClasses(t *testing.T) {
	for _, row := range []struct{ server, parameters, class string }{
		{`{"metadata": {}}`, ``, "mcp-standard"},
		{`{"metadata": {"labels": {"priority": "mcp-high"}}}`, `{}`, "mcp-high"},
		{`{"metadata": {"labels": {"priority": "b"}}}`, `{"classes": ["a", "b"]}`, "b"},
	} {
		class, err := Of(row.server, row.parameters)
		if err != nil || class != row.class {
			t.Errorf("%s: got %q, %v; want %q", row.server, class, err, row.class)
		}
	}
}

func TestAClassThatIsNotOfferedIsRefused(t *testing.T) {
	_, err := Of(`{"metadata": {"labels": {"priority": "urgent"}}}`, `{"classes": ["a", "b"]}`)
	if err == nil || err.Error() != "The priority class urgent is not offered; write one of: a, b." {
		t.Error(err)
	}
}

func TestTheClassIsPutOnThePodsAndNothingElseChanges(t *testing.T) {
	const before = `{"spec":{"replicas":10000000000000001,"template":{"spec":{}}}}`
	const after = `{"spec":{"replicas":10000000000000001,"template":{"spec":{"priorityClassName":"a"}}}}`
	if got, err := Put(before, "a"); err != nil || got != after {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := Put(`{"spec":"odd"}`, "a"); err == nil {
		t.Error("an odd workload is not refused")
	}
}

func TestTheSchemaHasTheSameDefault(t *testing.T) {
	text, err := os.ReadFile("../parameters.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct{ Classes struct{ Default []string } }
	}
	if err := json.Unmarshal(text, &schema); err != nil || !slices.Equal(schema.Properties.Classes.Default, Classes) {
		t.Errorf("got %v, %v", schema.Properties.Classes.Default, err)
	}
}
