//! How long clients may take, by a clock that is moved.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::Instant;

use super::*;

const GET: &[u8] =
    b"GET /v1/device/rom/?action=download_rom&version=v1&filename=ota.bin HTTP/1.1\r\n\r\n";
const LEN: usize = 100_000;
/// Of a client's and a server's ends of a connection.
const WINDOW: usize = 1000;

/// Serves one client that does what `client` does, and says how long that took.
async fn served<F: Future<Output = DuplexStream>>(
    name: &str,
    fault: Option<Fault>,
    client: impl FnOnce(DuplexStream) -> F,
) -> (Duration, End) {
    let folder = std::env::temp_dir().join(format!("espat-ota-{}-{name}", std::process::id()));
    std::fs::create_dir_all(folder.join("v1")).unwrap();
    std::fs::write(folder.join("v1/ota.bin"), vec![0xe9; LEN]).unwrap();
    let rules = Rules {
        roms: Roms::open(&folder, None).unwrap(),
        token: None,
        fault,
        progress: Progress::new(),
    };
    let peer = ([127, 0, 0, 1], 9).into();
    let (near, far) = duplex(WINDOW);
    let start = Instant::now();
    // The client's end stays open until the server is done.
    let (_near, end) = tokio::join!(client(near), async {
        let mut far = far;
        serve(&rules, peer, &mut far).await
    });
    std::fs::remove_dir_all(&folder).unwrap();
    (start.elapsed(), end)
}

fn about(took: Duration, expected: Duration) {
    let most = expected + CLOSE_TIME + Duration::from_secs(1);
    assert!((expected..most).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_nothing_is_left() {
    let (took, end) = served("silent", None, async |near| near).await;
    about(took, HEAD_TIME);
    assert_eq!(end, End::Close);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_not_waited_for() {
    let (took, _) = served("drip", None, async |mut near| {
        for byte in GET {
            if near.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        near
    })
    .await;
    assert!(took >= HEAD_TIME && took < HEAD_TIME * 3, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_left() {
    let (took, end) = served("full", None, async |mut near| {
        near.write_all(GET).await.unwrap();
        near
    })
    .await;
    about(took, TAKE_TIME);
    assert_eq!(end, End::Close);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_taking_is_served_however_slow_it_is() {
    let (took, _) = served("slow", None, async |mut near| {
        near.write_all(GET).await.unwrap();
        let mut got = 0;
        while got < LEN {
            tokio::time::sleep(TAKE_TIME / 2).await;
            let mut piece = [0; WINDOW];
            got += near.read(&mut piece).await.unwrap();
        }
        near
    })
    .await;
    assert!(took > TAKE_TIME * 40, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stall_ends_with_its_client_or_after_ten_minutes() {
    let asks_and_reads = async |mut near: DuplexStream| {
        near.write_all(GET).await.unwrap();
        let mut got = vec![];
        while !got.ends_with(&[0xe9; 100]) {
            got.push(near.read_u8().await.unwrap());
        }
        near
    };
    let (took, end) = served("stall", Some(Fault::StallAt(100)), asks_and_reads).await;
    about(took, STALL_TIME);
    assert_eq!(end, End::Close);
    let (took, _) = served("stall-closed", Some(Fault::StallAt(100)), async |near| {
        drop(asks_and_reads(near).await);
        duplex(1).0
    })
    .await;
    about(took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_a_reset() {
    let (_, end) = served("cut", Some(Fault::CutAt(100)), async |mut near| {
        near.write_all(GET).await.unwrap();
        near
    })
    .await;
    assert_eq!(end, End::Reset);
}
