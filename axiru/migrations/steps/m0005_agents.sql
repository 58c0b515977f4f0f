-- Amounts of any size: what agents pay on other rails is counted in units of up to 18 decimals.
ALTER TABLE decisions ALTER COLUMN amount_cents TYPE numeric;
ALTER TABLE shadow_results ALTER COLUMN amount_cents TYPE numeric;

-- Keys that sign tokens are published as soon as they are created, sign from `active_from` until the next one does, and
-- stay published until the last token under them is over. A revoked one is gone at once.
ALTER TABLE signing_keys
    ADD COLUMN active_from timestamptz,
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN revoked_reason text,
    ADD CHECK (purpose = 'ledger' OR active_from IS NOT NULL),
    ADD CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL));
CREATE INDEX signing_keys_of_tokens ON signing_keys (active_from) WHERE purpose = 'token';

-- The app adds and revokes keys of tokens, and never touches those of the ledger.
CREATE FUNCTION add_token_key(wanted text, jwk jsonb, ciphertext bytea, active timestamptz) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO signing_keys (key_id, purpose, public_jwk, private_ciphertext, created_at, active_from)
    VALUES (wanted, 'token', jwk, ciphertext, clock_timestamp(), active)
$$;
CREATE FUNCTION revoke_token_key(wanted text, why text) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH revoked AS (
        UPDATE signing_keys SET revoked_at = clock_timestamp(), revoked_reason = why
        WHERE key_id = wanted AND purpose = 'token' AND revoked_at IS NULL RETURNING key_id
    ) SELECT EXISTS (SELECT FROM revoked)
$$;
REVOKE ALL ON FUNCTION add_token_key, revoke_token_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_token_key, revoke_token_key TO axiru_app;

-- One row for every token that was issued. Of the tokens of one decision one is consumed, and settled, once.
CREATE TABLE authorization_tokens (
    jti text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    decision_id text NOT NULL REFERENCES decisions DEFERRABLE INITIALLY DEFERRED,
    key_id text NOT NULL REFERENCES signing_keys,
    ledger_id text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > issued_at),
    consumed_at timestamptz,
    consumed_by text REFERENCES api_keys,
    settled_at timestamptz,
    settlement text CHECK (settlement IN ('settled', 'failed')),
    settled_units numeric CHECK (settled_units >= 0),
    settled_by text REFERENCES api_keys,
    CHECK ((consumed_at IS NULL) = (consumed_by IS NULL)),
    CHECK ((settled_at IS NULL) = (settlement IS NULL)),
    CHECK (settled_at IS NULL OR consumed_at IS NOT NULL)
);
CREATE INDEX authorization_tokens_by_decision ON authorization_tokens (decision_id, issued_at DESC);
CREATE UNIQUE INDEX authorization_tokens_one_consumed ON authorization_tokens (decision_id)
    WHERE consumed_at IS NOT NULL;

CREATE FUNCTION refuse_unauthorized_token() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM decisions d WHERE d.id = NEW.decision_id AND d.organization_id = NEW.organization_id
            AND d.mode = NEW.mode AND d.state IN ('allowed', 'approved')) THEN
        RAISE EXCEPTION 'no token for a decision that is not allowed' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM signing_keys k WHERE k.key_id = NEW.key_id AND k.purpose = 'token') THEN
        RAISE EXCEPTION 'no token under a key of another purpose' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER authorization_tokens_authorized BEFORE INSERT ON authorization_tokens
    FOR EACH ROW EXECUTE FUNCTION refuse_unauthorized_token();

CREATE FUNCTION refuse_token_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.consumed_at IS NOT NULL AND (NEW.consumed_at, NEW.consumed_by) IS DISTINCT FROM (OLD.consumed_at, OLD.consumed_by)
        OR OLD.settled_at IS NOT NULL THEN
        RAISE EXCEPTION 'a token is consumed once, and settled once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER authorization_tokens_once BEFORE UPDATE ON authorization_tokens
    FOR EACH ROW EXECUTE FUNCTION refuse_token_change();

-- What was reserved is committed for what it came to, and never for more.
ALTER TABLE movements DROP CONSTRAINT movements_units_check;
ALTER TABLE movements ADD CHECK (units >= 0);
CREATE FUNCTION refuse_larger_movement() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.units > OLD.units OR (NEW.units <> OLD.units AND OLD.state <> 'reserved') THEN
        RAISE EXCEPTION 'a movement never grows, and settles once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER movements_never_grow BEFORE UPDATE OF units ON movements
    FOR EACH ROW EXECUTE FUNCTION refuse_larger_movement();

-- What an agent may ask for. One that another passed authority on to has no more of it, and no longer.
ALTER TABLE agents
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN delegated_by text REFERENCES agents,
    ADD COLUMN expires_at timestamptz,
    ADD CHECK (delegated_by <> id);
ALTER TABLE api_keys ADD COLUMN agent text REFERENCES agents;

GRANT SELECT, INSERT ON authorization_tokens TO axiru_app;
GRANT UPDATE (consumed_at, consumed_by, settled_at, settlement, settled_units, settled_by) ON authorization_tokens
    TO axiru_app;
GRANT UPDATE (units) ON movements TO axiru_app;
GRANT UPDATE (scopes, delegated_by, expires_at) ON agents TO axiru_app;
