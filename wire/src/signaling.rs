//! The messages of a Kinesis Video Streams signaling socket: text frames of JSON.
//!
//! Clients send `{"action","messagePayload","recipientClientId"?,"correlationId"?}` in
//! either casing; the service sends `{"messageType","messagePayload"?,"senderClientId"?}`
//! in camelCase. Payloads are base64 of JSON.
