package api

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// declareNulls has the document say where null may stand: in fields that point to an object, and
// beside the words of a list.
func declareNulls(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		if of := schemas.TypeFromRef("#/components/schemas/" + name); of != nil {
			declareNullObjects(schemas, schema, of)
		}
		for _, property := range schema.Properties {
			if property.Nullable && len(property.Enum) > 0 {
				property.Enum = append(property.Enum, nil)
			}
		}
	}
}

// declareNullObjects replaces references to objects that may be null by what they refer to: a
// reference can't say so.
func declareNullObjects(schemas huma.Registry, schema *huma.Schema, of reflect.Type) {
	if of.Kind() != reflect.Struct {
		return
	}
	for i := range of.NumField() {
		field := of.Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			declareNullObjects(schemas, schema, field.Type)
			continue
		}
		key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		property := schema.Properties[key]
		if field.Type.Kind() != reflect.Pointer || options != "" || property == nil || property.Ref == "" {
			continue
		}
		object := *schemas.SchemaFromRef(property.Ref)
		object.Nullable, object.Description = true, field.Tag.Get("doc")
		schema.Properties[key] = &object
	}
}
