//! Every target: the program's name says which function it feeds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let run = match env!("CARGO_BIN_NAME").as_bytes() {
        b"action" => wire::fuzzing::action,
        b"data_channel" => wire::fuzzing::data_channel,
        b"signaling" => wire::fuzzing::signaling,
        b"telemetry" => wire::fuzzing::telemetry,
        b"turn_stream" => wire::fuzzing::turn_stream,
        b"robot_config" => robot_agent::fuzzing::config,
        b"offer" => robot_agent::fuzzing::offer,
        b"rtcp" => robot_agent::fuzzing::rtcp,
        b"voice" => robot_agent::fuzzing::voice,
        b"signing_request" => ground_station::fuzzing::signing_request,
        b"signature_header" => ground_station::fuzzing::signature_header,
        b"signature_query" => ground_station::fuzzing::signature_query,
        b"weather" => mars::fuzzing::weather,
        b"photos" => mars::fuzzing::photos,
        b"picture" => mars::fuzzing::picture,
        b"mars_answer" => display_agent::fuzzing::mars_answer,
        _ => display_agent::fuzzing::bitmap,
    } as fn(&[u8]);
    run(data);
});
