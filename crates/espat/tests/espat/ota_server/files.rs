//! What is served, byte for byte, and what is not.

use super::*;

#[test]
fn the_newest_version_comes_in_one_read_of_a_module() {
    let server = start("newest", &[]);
    let mut stream = server.asked(NEWEST, "1.0");
    let mut buffer = [0; 1024];
    let n = stream.read(&mut buffer).unwrap();
    let expected = "HTTP/1.1 200 OK\r\nServer: espat\r\nContent-Type: application/json\r\nContent-Length: 209\r\n\
        Connection: keep-alive\r\n\r\n{\"recommended_rom_version\": \"v2.10.0.0\", \"status\": 200, \"productRoms\": \
        [{\"recommended\": 1, \"version\": \"v2.10.0.0\", \"life_cycle\": \"release\"}, \
        {\"recommended\": 0, \"version\": \"v2.9.0.0\", \"life_cycle\": \"release\"}]}";
    assert_eq!(String::from_utf8_lossy(&buffer[..n]), expected);
    server.espat.log_line("is told of v2.10.0.0");
}

#[test]
fn a_file_comes_whole_with_its_head_spelled_as_modules_scan_for_it() {
    let server = start("whole", &[]);
    for (file, len) in [("ota.bin", 50_000), ("client_ca.bin", 4)] {
        let mut stream = server.asked(&rom("v2.9.0.0", file), "1.1");
        // Head and first byte come at once: a module looks at both in one read.
        let mut first = [0; 1024];
        let n = stream.read(&mut first).unwrap();
        let expected = format!(
            "HTTP/1.1 200 OK\r\nServer: espat\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {len}\r\nConnection: keep-alive\r\n\r\n"
        );
        let (head, body) = first[..n].split_at(expected.len().min(n));
        assert_eq!(String::from_utf8_lossy(head), expected);
        assert!(!body.is_empty(), "the head came alone");
        let mut body = body.to_vec();
        let mut rest = vec![0; len - body.len()];
        stream.read_exact(&mut rest).unwrap();
        body.extend(rest);
        let path = server.folder.join("v2.9.0.0").join(file);
        assert!(body == std::fs::read(path).unwrap(), "the file is another");
    }
    let line = server.espat.log_line("ota.bin 50000/50000 bytes, ");
    assert!(line.ends_with(" s"), "{line}");
    server.espat.log_line(" v2.9.0.0 ota.bin 0/50000 bytes");
}

#[test]
fn one_connection_carries_several_requests() {
    let server = start("several", &[]);
    let mut stream = server.asked(&rom("v2.9.0.0", "client_ca.bin"), "1.1");
    for next in [
        rom("", "client_ca.bin"),
        NEWEST.to_owned(),
        rom("v2.9.0.0", "ota.bin"),
    ] {
        let (_, length) = head_and_length(&mut stream);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        stream
            .write_all(format!("GET {next} HTTP/1.1\r\n\r\n").as_bytes())
            .unwrap();
    }
    assert_eq!(head_and_length(&mut stream).1, 50_000);
}

#[test]
fn the_empty_version_is_the_newest_and_latest_says_which_that_is() {
    let server = start("empty", &[]);
    let (_, length) = head_and_length(&mut server.asked(&rom("", "ota.bin"), "1.1"));
    assert_eq!(length, 300_000);
    let server = start("latest", &["--latest", "v2.9.0.0"]);
    let (_, length) = head_and_length(&mut server.asked(&rom("", "ota.bin"), "1.1"));
    assert_eq!(length, 50_000);
    let answer = server.get(NEWEST);
    assert!(
        answer.contains("\"recommended_rom_version\": \"v2.9.0.0\","),
        "{answer}"
    );
}

#[test]
fn a_version_that_comes_later_is_served_and_many_do_not_break_the_scan() {
    let server = start("later", &[]);
    for n in 0..200 {
        let version = server.folder.join(format!("v3.{n}.0.0"));
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("ota.bin"), [0xe9]).unwrap();
    }
    let answer = server.get(NEWEST);
    assert!(answer.len() <= 1024, "{} bytes", answer.len());
    assert!(
        answer.contains("\"recommended_rom_version\": \"v3.199.0.0\", \"status\": 200,"),
        "{answer}"
    );
    let all = server.get("/v1/device/rom");
    assert!(
        all.len() < 8192 && all.matches("\"version\": \"v3.").count() > 80,
        "{all}"
    );
    assert!(all.contains("\"version\": \"v3.199.0.0\", "), "{all}");
}

#[test]
fn what_is_not_there_is_404_and_other_requests_are_refused() {
    let server = start("refused", &[]);
    let missing = server.get(&rom("v9", "ota.bin"));
    let expected = "HTTP/1.1 404 Not Found\r\nServer: espat\r\nContent-Type: application/json\r\nContent-Length: 51\r\n\
        Connection: close\r\n\r\n{\"status\": 404, \"message\": \"there is no such file\"}";
    assert_eq!(missing, expected);
    server
        .espat
        .log_line("404: version \"v9\", file \"ota.bin\": there is no such file");
    for target in ["/", "/v1/device/rom/?action=other", "/index.html", "*"] {
        assert!(server.get(target).starts_with("HTTP/1.1 404 "), "{target}");
    }
    let post = format!("POST {NEWEST} HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(server.raw(post.as_bytes()).starts_with("HTTP/1.1 405 "));
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"[..],
        b"hello\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let answer = server.raw(garbage);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let answer = server.raw(long.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer:?}");
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    assert!(server.raw(many.as_bytes()).starts_with("HTTP/1.1 431 "));
    assert_eq!(server.raw(b""), "");
    assert_eq!(server.raw(b"GET / HT"), "");
}

#[test]
fn nothing_outside_the_folder_is_served() {
    let server = start("outside", &[]);
    let outside = server.folder.with_file_name("secret.bin");
    std::fs::write(&outside, "secret").unwrap();
    symlink(&outside, server.folder.join("v2.9.0.0/link.bin")).unwrap();
    symlink(server.folder.parent().unwrap(), server.folder.join("up")).unwrap();
    symlink("ota.bin", server.folder.join("v2.9.0.0/same.bin")).unwrap();
    symlink("loop.bin", server.folder.join("v2.9.0.0/loop.bin")).unwrap();
    std::fs::create_dir(server.folder.join("v2.9.0.0/folder.bin")).unwrap();
    let pipe = server.folder.join("v2.9.0.0/pipe.bin");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    std::fs::write(server.folder.join("v2.9.0.0/.hidden.bin"), "secret").unwrap();
    for (version, file) in [
        ("..", "secret.bin"),
        (".", "../secret.bin"),
        ("v2.9.0.0", "../../secret.bin"),
        ("v2.9.0.0", "..%2f..%2fsecret.bin"),
        ("v2.9.0.0/..", "secret.bin"),
        ("%2e%2e", "secret.bin"),
        ("..\\", "secret.bin"),
        ("v2.9.0.0", "link.bin"),
        ("up", "secret.bin"),
        ("v2.9.0.0", "folder.bin"),
        ("v2.9.0.0", "pipe.bin"),
        ("v2.9.0.0", "loop.bin"),
        ("v2.9.0.0", ".hidden.bin"),
        ("v2.9.0.0", ".bin"),
        ("v2.9.0.0", "ota"),
        ("v2.9.0.0", "ota.bin%00"),
        ("v2.9.0.0", ""),
        (outside.parent().unwrap().to_str().unwrap(), "secret.bin"),
    ] {
        let answer = server.get(&rom(version, file));
        assert!(
            answer.starts_with("HTTP/1.1 404 "),
            "{version} {file}: {answer}"
        );
        assert!(!answer.contains("secret"), "{version} {file}: {answer}");
    }
    let (_, length) = head_and_length(&mut server.asked(&rom("v2.9.0.0", "same.bin"), "1.1"));
    assert_eq!(length, 50_000);
    server
        .espat
        .log_line("file \"loop.bin\": the file cannot be read");
    // What a client sends cannot write control characters to a terminal.
    server.raw(
        b"GET /v1/device/rom/?action=download_rom&version=\xc2\x9b31m&filename=a HTTP/1.1\r\n\r\n",
    );
    assert!(!server.espat.log().contains('\u{9b}'));
}
