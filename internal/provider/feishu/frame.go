package feishu

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// frame is one message of a long connection, a protobuf (feishu-more.md §A2).
type frame struct {
	seqID, logID    uint64
	service, method int32
	headers         []frameHeader
	payloadEncoding string
	payloadType     string
	payload         []byte
	logIDNew        string
}

type frameHeader struct{ key, value string }

// Methods of frames.
const (
	methodControl = 0
	methodData    = 1
)

// Fields of a frame and of a header.
const (
	fieldSeqID = iota + 1
	fieldLogID
	fieldService
	fieldMethod
	fieldHeaders
	fieldPayloadEncoding
	fieldPayloadType
	fieldPayload
	fieldLogIDNew

	fieldKey   = 1
	fieldValue = 2
)

// maxFrameHeaders is how many headers a frame may have; documented are eight.
const maxFrameHeaders = 64

// header returns a header's value, "" if there is none.
func (f *frame) header(key string) string {
	for _, h := range f.headers {
		if h.key == key {
			return h.value
		}
	}
	return ""
}

var errFrame = errors.New("not a frame")

// decodeFrame reads a frame. Fields that are not known are skipped.
func decodeFrame(message []byte) (*frame, error) {
	f := &frame{}
	err := eachField(message, func(field protowire.Number, number uint64, bytes []byte) error {
		switch field {
		case fieldSeqID:
			f.seqID = number
		case fieldLogID:
			f.logID = number
		case fieldService:
			f.service = int32(number) //nolint:gosec // protobuf's int32 is sent so
		case fieldMethod:
			f.method = int32(number) //nolint:gosec // as above
		case fieldHeaders:
			return f.addHeader(bytes)
		case fieldPayloadEncoding:
			f.payloadEncoding = string(bytes)
		case fieldPayloadType:
			f.payloadType = string(bytes)
		case fieldPayload:
			f.payload = bytes
		case fieldLogIDNew:
			f.logIDNew = string(bytes)
		}
		return nil
	})
	return f, err
}

func (f *frame) addHeader(message []byte) error {
	if len(f.headers) == maxFrameHeaders {
		return errFrame
	}
	var h frameHeader
	err := eachField(message, func(field protowire.Number, _ uint64, bytes []byte) error {
		switch field {
		case fieldKey:
			h.key = string(bytes)
		case fieldValue:
			h.value = string(bytes)
		}
		return nil
	})
	f.headers = append(f.headers, h)
	return err
}

// eachField reads a protobuf field by field.
func eachField(message []byte, do func(field protowire.Number, number uint64, bytes []byte) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errFrame
		}
		message = message[n:]
		var number uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 {
			return errFrame
		}
		message = message[n:]
		if err := do(field, number, bytes); err != nil {
			return err
		}
	}
	return nil
}

// encode writes a frame. The first four fields are required, also where they are 0.
func (f *frame) encode() []byte {
	var out []byte
	for _, one := range []struct {
		field  protowire.Number
		number uint64
	}{
		{fieldSeqID, f.seqID}, {fieldLogID, f.logID},
		{fieldService, uint64(f.service)}, {fieldMethod, uint64(f.method)}, //nolint:gosec // protobuf's int32
	} {
		out = protowire.AppendTag(out, one.field, protowire.VarintType)
		out = protowire.AppendVarint(out, one.number)
	}
	for _, h := range f.headers {
		var header []byte
		header = appendText(header, fieldKey, h.key)
		header = appendText(header, fieldValue, h.value)
		out = appendText(out, fieldHeaders, string(header))
	}
	out = appendText(out, fieldPayloadEncoding, f.payloadEncoding)
	out = appendText(out, fieldPayloadType, f.payloadType)
	if f.payload != nil {
		out = appendText(out, fieldPayload, string(f.payload))
	}
	return appendText(out, fieldLogIDNew, f.logIDNew)
}

func appendText(out []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), text)
}
