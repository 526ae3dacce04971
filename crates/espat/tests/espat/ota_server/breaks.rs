//! How it breaks an upgrade on purpose.

use super::*;

#[test]
fn a_stall_keeps_the_connection_open() {
    let server = start("stall", &["--stall-at", "70000"]);
    let mut stream = server.asked(&rom("v2.10.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 300_000);
    let mut body = vec![0; 70_000];
    stream.read_exact(&mut body).unwrap();
    assert!(body[..] == image(300_000)[..70_000]);
    server.espat.log_line("stalls, as asked");
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let error = stream.read(&mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    drop(stream);
    server.espat.log_line("70000/300000 bytes, ");
    server.espat.log_line("s, stalled, as asked");
    // A shorter file has no such byte.
    let mut stream = server.asked(&rom("v2.9.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 50_000);
    stream.read_exact(&mut body[..50_000]).unwrap();
}

#[test]
fn a_cut_is_a_reset_after_the_bytes() {
    let server = start("cut", &["--cut-at", "70000"]);
    let mut stream = server.asked(&rom("v2.10.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 300_000);
    let mut body = vec![];
    let error = stream.read_to_end(&mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    assert_eq!(body.len(), 70_000);
    server.espat.log_line("70000/300000 bytes, ");
    server.espat.log_line("s, cut, as asked");
    let mut stream = server.asked(NEWEST, "1.0");
    assert_eq!(
        head_and_length(&mut stream).1,
        209,
        "only downloads are broken"
    );
}

#[test]
fn a_wrong_length_is_one_byte_too_many() {
    let server = start("length", &["--wrong-length"]);
    let mut stream = server.asked(&rom("v2.9.0.0", "ota.bin"), "1.1");
    assert_eq!(head_and_length(&mut stream).1, 50_001);
    let mut body = vec![];
    stream.read_to_end(&mut body).unwrap();
    assert!(body == image(50_000));
}
