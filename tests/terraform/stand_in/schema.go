// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

//go:embed schema.json
var schemaText []byte

// What extract_schema.py found out about the real provider.
type attribute struct {
	Type     any  `json:"type"` // "string", or ["list", "string"]
	Optional bool `json:"optional"`
	Required bool `json:"required"`
	Computed bool `json:"computed"`
}

type block struct {
	Attributes map[string]attribute   `json:"attributes"`
	Blocks     map[string]nestedBlock `json:"blocks"`
}

type nestedBlock struct {
	Nesting string `json:"nesting"`
	Min     int64  `json:"min"`
	Max     int64  `json:"max"`
	Block   block  `json:"block"`
}

type schemas struct {
	Provider string           `json:"provider"`
	Resource map[string]block `json:"resource"`
	Data     map[string]block `json:"data"`
}

func readSchemas() schemas {
	var read schemas
	if err := json.Unmarshal(schemaText, &read); err != nil {
		panic(err)
	}
	return read
}

func typeOf(described any) tftypes.Type {
	if list, ok := described.([]any); ok {
		element := typeOf(list[1])
		switch list[0] {
		case "list":
			return tftypes.List{ElementType: element}
		case "set":
			return tftypes.Set{ElementType: element}
		case "map":
			return tftypes.Map{ElementType: element}
		}
	}
	switch described {
	case "string":
		return tftypes.String
	case "number":
		return tftypes.Number
	case "bool":
		return tftypes.Bool
	}
	panic(fmt.Sprintf("no type: %v", described))
}

// Arguments that are never stored: Terraform refuses ephemeral values anywhere else.
func writeOnly(name string) bool { return strings.HasSuffix(name, "_wo") }

func (b block) proto() *tfprotov6.SchemaBlock {
	made := &tfprotov6.SchemaBlock{}
	for _, name := range sorted(b.Attributes) {
		a := b.Attributes[name]
		made.Attributes = append(made.Attributes, &tfprotov6.SchemaAttribute{
			Name: name, Type: typeOf(a.Type), Optional: a.Optional, Required: a.Required, Computed: a.Computed,
			WriteOnly: writeOnly(name) && !a.Computed, Sensitive: name == "secret_string",
		})
	}
	nestings := map[string]tfprotov6.SchemaNestedBlockNestingMode{
		"list":   tfprotov6.SchemaNestedBlockNestingModeList,
		"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
		"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	}
	for _, name := range sorted(b.Blocks) {
		n := b.Blocks[name]
		made.BlockTypes = append(made.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Nesting: nestings[n.Nesting], MinItems: n.Min, MaxItems: n.Max, Block: n.Block.proto(),
		})
	}
	return made
}

func (b block) schema() *tfprotov6.Schema { return &tfprotov6.Schema{Block: b.proto()} }

func sorted[T any](of map[string]T) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
