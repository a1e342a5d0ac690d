// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Everything that OpenTofu asks a provider for plan, apply and destroy. Nothing is made anywhere: apply fills in
// what AWS would have said. What is not implemented here panics, and so is seen.
type server struct {
	tfprotov6.ProviderServer
	schemas schemas
}

func (s *server) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	made := &tfprotov6.GetMetadataResponse{ServerCapabilities: &tfprotov6.ServerCapabilities{}}
	for _, name := range sorted(s.schemas.Resource) {
		made.Resources = append(made.Resources, tfprotov6.ResourceMetadata{TypeName: name})
	}
	for _, name := range sorted(s.schemas.Data) {
		made.DataSources = append(made.DataSources, tfprotov6.DataSourceMetadata{TypeName: name})
	}
	return made, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	made := &tfprotov6.GetProviderSchemaResponse{
		Provider: &tfprotov6.Schema{Block: &tfprotov6.SchemaBlock{
			Attributes: []*tfprotov6.SchemaAttribute{{Name: "region", Type: tftypes.String, Optional: true}},
			BlockTypes: []*tfprotov6.SchemaNestedBlock{{
				TypeName: "default_tags", Nesting: tfprotov6.SchemaNestedBlockNestingModeList, MaxItems: 1,
				Block: &tfprotov6.SchemaBlock{Attributes: []*tfprotov6.SchemaAttribute{
					{Name: "tags", Type: tftypes.Map{ElementType: tftypes.String}, Optional: true}}},
			}},
		}},
		ResourceSchemas:   map[string]*tfprotov6.Schema{},
		DataSourceSchemas: map[string]*tfprotov6.Schema{},
	}
	for name, block := range s.schemas.Resource {
		made.ResourceSchemas[name] = block.schema()
	}
	for name, block := range s.schemas.Data {
		made.DataSourceSchemas[name] = block.schema()
	}
	return made, nil
}

func (s *server) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) ValidateProviderConfig(_ context.Context, asked *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: asked.Config}, nil
}

func (s *server) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *server) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

func (s *server) ValidateDataResourceConfig(context.Context, *tfprotov6.ValidateDataResourceConfigRequest) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (s *server) UpgradeResourceState(_ context.Context, asked *tfprotov6.UpgradeResourceStateRequest) (*tfprotov6.UpgradeResourceStateResponse, error) {
	kind := s.schemas.Resource[asked.TypeName].schema().ValueType()
	value, err := asked.RawState.Unmarshal(kind)
	if err != nil {
		return nil, err
	}
	upgraded, err := tfprotov6.NewDynamicValue(kind, value)
	return &tfprotov6.UpgradeResourceStateResponse{UpgradedState: &upgraded}, err
}

func (s *server) ReadResource(_ context.Context, asked *tfprotov6.ReadResourceRequest) (*tfprotov6.ReadResourceResponse, error) {
	return &tfprotov6.ReadResourceResponse{NewState: asked.CurrentState}, nil
}

// A new resource's computed attributes are known after apply, a resource's that exists stay as they are.
func (s *server) PlanResourceChange(_ context.Context, asked *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	block := s.schemas.Resource[asked.TypeName]
	prior, err := asked.PriorState.Unmarshal(block.schema().ValueType())
	if err != nil {
		return nil, err
	}
	planned, err := rewrite(block, asked.ProposedNewState, func(name string, value tftypes.Value) (tftypes.Value, bool) {
		switch {
		case writeOnly(name) && !block.Attributes[name].Computed:
			return tftypes.NewValue(value.Type(), nil), true
		case prior.IsNull() && block.Attributes[name].Computed && value.IsNull():
			return tftypes.NewValue(value.Type(), tftypes.UnknownValue), true
		}
		return value, false
	})
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: planned}, err
}

func (s *server) ApplyResourceChange(_ context.Context, asked *tfprotov6.ApplyResourceChangeRequest) (*tfprotov6.ApplyResourceChangeResponse, error) {
	made, err := fill(asked.TypeName, s.schemas.Resource[asked.TypeName], asked.PlannedState)
	return &tfprotov6.ApplyResourceChangeResponse{NewState: made}, err
}

func (s *server) ReadDataSource(_ context.Context, asked *tfprotov6.ReadDataSourceRequest) (*tfprotov6.ReadDataSourceResponse, error) {
	block := s.schemas.Data[asked.TypeName]
	kind := "data." + asked.TypeName
	whole, err := asked.Config.Unmarshal(block.schema().ValueType())
	if err != nil {
		return nil, err
	}
	if speaksOfArm(whole.String()) {
		kind += ".arm64"
	}
	made, err := fill(kind, block, asked.Config)
	return &tfprotov6.ReadDataSourceResponse{State: made}, err
}

// Computed attributes that nobody gave get the answer of names.go.
func fill(kind string, block block, value *tfprotov6.DynamicValue) (*tfprotov6.DynamicValue, error) {
	arguments := map[string]string{}
	if _, err := rewrite(block, value, func(name string, given tftypes.Value) (tftypes.Value, bool) {
		var text string
		if given.IsFullyKnown() && !given.IsNull() && given.Type().Is(tftypes.String) && given.As(&text) == nil {
			arguments[name] = text
		}
		return given, false
	}); err != nil {
		return nil, err
	}
	return rewrite(block, value, func(name string, given tftypes.Value) (tftypes.Value, bool) {
		text, known := answer(kind, name, arguments)
		if (given.IsKnown() && !given.IsNull()) || (!known && !block.Attributes[name].Computed) {
			return given, false
		}
		switch typed := given.Type().(type) {
		case tftypes.List:
			if known {
				var elements []tftypes.Value
				for _, word := range strings.Fields(text) {
					elements = append(elements, tftypes.NewValue(typed.ElementType, word))
				}
				return tftypes.NewValue(typed, elements), true
			}
		default:
			if given.Type().Is(tftypes.String) && known {
				return tftypes.NewValue(tftypes.String, text), true
			}
		}
		// A reference to it comes out as null, and so is seen where it stands in a text.
		return tftypes.NewValue(given.Type(), nil), true
	})
}

// Replaces attributes of a whole resource; a resource that goes away is left alone.
func rewrite(block block, value *tfprotov6.DynamicValue, change func(string, tftypes.Value) (tftypes.Value, bool)) (*tfprotov6.DynamicValue, error) {
	kind := block.schema().ValueType()
	whole, err := value.Unmarshal(kind)
	if err != nil || whole.IsNull() {
		return value, err
	}
	parts := map[string]tftypes.Value{}
	if err := whole.As(&parts); err != nil {
		return nil, err
	}
	for name := range block.Attributes {
		if next, changed := change(name, parts[name]); changed {
			parts[name] = next
		}
	}
	made, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, parts))
	return &made, err
}
