from ringtrace.web.console.assets import Assets


def test_every_asset_is_named_by_its_content() -> None:
    assets = Assets.load()

    assert set(assets.by_name) == {"console.css", "console.js", "theme.js", "icon.svg"}
    for name, asset in assets.by_name.items():
        digest = asset.etag.strip('"')
        assert asset.url == assets.url(name) == f"/static/{digest}/{name}"
        assert len(digest) == 16


def test_nothing_is_fetched_from_elsewhere() -> None:
    for asset in Assets.load().by_name.values():
        text = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text
