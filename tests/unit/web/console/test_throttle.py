from ringtrace.web.console.throttle import SignInThrottle

HOME, AWAY = "192.0.2.1", "192.0.2.2"


def _fail(throttle: SignInThrottle, times: int, at: int = 0, address: str = HOME) -> int:
    return max(throttle.attempt(address, "admin", at) for _ in range(times))


def test_a_few_slips_cost_nothing() -> None:
    assert _fail(SignInThrottle(), 5) == 0


def test_each_further_failure_doubles_the_wait() -> None:
    throttle = SignInThrottle()
    _fail(throttle, 5)
    waits, at = [], 0

    for _ in range(4):
        wait = throttle.attempt(HOME, "admin", at)
        waits.append(wait)
        at += wait
        assert throttle.attempt(HOME, "admin", at) == 0

    assert waits == [1_000, 2_000, 4_000, 8_000]


def test_a_login_under_attack_waits_half_a_minute_at_most() -> None:
    """Or anybody could keep its owner out."""
    throttle = SignInThrottle()
    at = 0
    for i in range(40):
        at += throttle.attempt(f"192.0.2.{i}", "admin", at)
        throttle.attempt(f"192.0.2.{i}", "admin", at)

    assert throttle.attempt("198.51.100.1", "admin", at) <= 30_000


def test_an_address_that_tries_many_logins_is_slowed_down() -> None:
    throttle = SignInThrottle()

    waits = [throttle.attempt(HOME, f"user {i}", 0) for i in range(12)]

    assert waits[:10] == [0] * 10
    assert min(waits[10:]) > 0
    assert throttle.attempt(AWAY, "user 1", 0) == 0


def test_success_forgives_the_login() -> None:
    throttle = SignInThrottle()
    _fail(throttle, 4)
    throttle.succeeded(HOME, "admin")

    assert _fail(throttle, 5, address=AWAY) == 0


def test_an_own_account_does_not_buy_an_address_more_guesses() -> None:
    throttle = SignInThrottle()
    for i in range(10):
        assert throttle.attempt(HOME, f"victim {i}", 0) == 0
    at = throttle.attempt(HOME, "own", 0)
    throttle.attempt(HOME, "own", at)
    throttle.succeeded(HOME, "own")

    assert throttle.attempt(HOME, "victim 10", at) == 0
    assert throttle.attempt(HOME, "victim 11", at) > 0


def test_failures_are_forgotten_after_a_quarter_of_an_hour() -> None:
    throttle = SignInThrottle()
    _fail(throttle, 6)

    assert _fail(throttle, 5, at=16 * 60_000) == 0


def test_the_table_does_not_grow_without_end() -> None:
    throttle = SignInThrottle()
    for i in range(12_000):
        throttle.attempt(f"address {i}", f"login {i}", i)

    assert len(throttle._tries) <= 10_000


def test_a_clock_that_goes_back_keeps_nobody_waiting_until_it_has_caught_up() -> None:
    throttle = SignInThrottle()
    _fail(throttle, 8, at=3_600_000)

    assert throttle.attempt(HOME, "admin", 0) == 0
    assert _fail(throttle, 6, at=0) > 0
