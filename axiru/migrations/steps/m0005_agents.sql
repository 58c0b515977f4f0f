-- Amounts of any size: what agents pay on other rails is counted in units of up to 18 decimals.
ALTER TABLE decisions ALTER COLUMN amount_cents TYPE numeric;
ALTER TABLE shadow_results ALTER COLUMN amount_cents TYPE numeric;
ALTER TABLE replay_findings ALTER COLUMN amount_cents TYPE numeric;

-- How far versions agree on one surface is read while its chain is locked.
CREATE INDEX shadow_results_by_surface ON shadow_results (organization_id, mode, rail, rail_action, decided_at);

-- Keys that sign tokens are published as soon as they are created, sign from `active_from` until the next one does, and
-- stay published until the last token under them is over. A revoked one is gone at once.
ALTER TABLE signing_keys
    ADD COLUMN active_from timestamptz,
    ADD COLUMN revoked_at timestamptz,
    ADD COLUMN revoked_reason text,
    ADD COLUMN token_seconds integer NOT NULL DEFAULT 300 CHECK (token_seconds BETWEEN 1 AND 300),
    ADD CHECK (purpose = 'ledger' OR active_from IS NOT NULL),
    ADD CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL));
CREATE INDEX signing_keys_of_tokens ON signing_keys (active_from) WHERE purpose = 'token';

-- The app adds and revokes keys of tokens, and never touches those of the ledger.
CREATE FUNCTION add_token_key(wanted text, jwk jsonb, ciphertext bytea, lead interval, seconds integer)
    RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO signing_keys (key_id, purpose, public_jwk, private_ciphertext, created_at, active_from, token_seconds)
    SELECT wanted, 'token', jwk, ciphertext, now, now + lead, seconds FROM clock_timestamp() AS now
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
    IF NEW.expires_at > clock_timestamp() + interval '301 seconds' THEN
        RAISE EXCEPTION 'a token is valid for five minutes' USING ERRCODE = 'restrict_violation';
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
    IF NEW.moved_at < OLD.moved_at THEN
        RAISE EXCEPTION 'a movement leaves no window before its time' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER movements_never_grow BEFORE UPDATE OF units, moved_at ON movements
    FOR EACH ROW EXECUTE FUNCTION refuse_larger_movement();

-- A denial is the last word on a request.
CREATE FUNCTION refuse_undenied() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'what was denied stays denied' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER decisions_denied_for_good BEFORE UPDATE ON decisions FOR EACH ROW
    WHEN (OLD.state IN ('denied', 'expired') AND NEW.state <> OLD.state) EXECUTE FUNCTION refuse_undenied();

-- What an agent may ask for. One that another passed authority on to has no more of it, and no longer.
ALTER TABLE agents
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}',
    ADD COLUMN delegated_by text REFERENCES agents,
    ADD COLUMN expires_at timestamptz,
    ADD CHECK (delegated_by <> id);
ALTER TABLE api_keys
    ADD COLUMN agent text REFERENCES agents,
    ADD CHECK (agent IS NULL OR scopes <@ ARRAY['authorizations:write', 'decisions:write']);
CREATE INDEX agents_by_folded_id ON agents (organization_id, lower(btrim(agent_id)));
CREATE INDEX agents_by_parent ON agents (delegated_by) WHERE delegated_by IS NOT NULL;
CREATE INDEX decisions_by_initiator ON decisions (organization_id, mode, initiator_id, decided_at DESC);
CREATE INDEX decisions_by_rail ON decisions (organization_id, mode, rail, decided_at DESC, id DESC);
CREATE INDEX api_keys_by_agent ON api_keys (agent) WHERE agent IS NOT NULL;

-- An agent and those above it, itself first and the root last.
CREATE FUNCTION agent_line(wanted text) RETURNS TABLE (depth integer, id text, organization_id text, agent_id text,
        owner_member_id text, scopes text[], expires_at timestamptz, retired_at timestamptz)
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH RECURSIVE line AS (
        SELECT 0 AS depth, a.* FROM agents a WHERE a.id = wanted
        UNION ALL
        SELECT l.depth + 1, a.* FROM line l JOIN agents a ON a.id = l.delegated_by WHERE l.depth < 16
    )
    SELECT l.depth, l.id, l.organization_id, l.agent_id, l.owner_member_id, l.scopes, l.expires_at, l.retired_at
    FROM line l ORDER BY l.depth
$$;

-- Delegation narrows. A parent that is narrowed later narrows all below it, as what counts is what the whole line has.
-- Nobody gets out from under a parent: what was spent there would be forgotten, and what it forbids.
CREATE FUNCTION refuse_wider_agent() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    above agents;
    levels integer;
BEGIN
    IF TG_OP = 'INSERT' AND EXISTS (SELECT FROM agents a WHERE a.organization_id = NEW.organization_id
            AND lower(btrim(a.agent_id)) = lower(btrim(NEW.agent_id)) AND a.agent_id <> NEW.agent_id) THEN
        RAISE EXCEPTION 'an agent of this id is there in another spelling' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF OLD.delegated_by IS NOT NULL AND NEW.delegated_by IS DISTINCT FROM OLD.delegated_by THEN
            RAISE EXCEPTION 'an agent stays under its parent' USING ERRCODE = 'restrict_violation';
        END IF;
        IF (NEW.delegated_by, NEW.scopes, NEW.expires_at)
                IS NOT DISTINCT FROM (OLD.delegated_by, OLD.scopes, OLD.expires_at) THEN
            RETURN NEW;
        END IF;
    END IF;
    IF NEW.delegated_by IS NULL THEN
        RETURN NEW;
    END IF;
    FOR above IN SELECT a.* FROM agent_line(NEW.delegated_by) l JOIN agents a ON a.id = l.id LOOP
        IF above.id = NEW.id OR above.organization_id <> NEW.organization_id THEN
            RAISE EXCEPTION 'nobody is below themselves, or below another organization'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NOT NEW.scopes <@ above.scopes
                OR coalesce(NEW.expires_at, 'infinity') > coalesce(above.expires_at, 'infinity') THEN
            RAISE EXCEPTION 'an agent passes on no more than it has' USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    WITH RECURSIVE below AS (
        SELECT NEW.id AS id, 1 AS level
        UNION ALL
        SELECT a.id, b.level + 1 FROM below b JOIN agents a ON a.delegated_by = b.id WHERE b.level < 16
    )
    SELECT max(level) + (SELECT count(*) FROM agent_line(NEW.delegated_by)) INTO levels FROM below;
    IF levels > 8 THEN
        RAISE EXCEPTION 'a line of agents has no more than eight' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER agents_narrow BEFORE INSERT OR UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION refuse_wider_agent();

CREATE FUNCTION refuse_key_of_other_agent() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.agent IS NOT NULL AND NOT EXISTS (SELECT FROM agents a WHERE a.id = NEW.agent
            AND a.organization_id = NEW.organization_id) THEN
        RAISE EXCEPTION 'a key is for an agent of its own organization' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER api_keys_agent BEFORE INSERT OR UPDATE OF agent ON api_keys
    FOR EACH ROW EXECUTE FUNCTION refuse_key_of_other_agent();

-- Those who answer for an agent above one that is named never approve either.
CREATE OR REPLACE FUNCTION agent_owners(asked requests) RETURNS text[] LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT line.owner_member_id), '{}') FROM agents a CROSS JOIN LATERAL agent_line(a.id) line
    WHERE a.organization_id = asked.organization_id AND lower(btrim(a.agent_id)) IN (
        lower(btrim(asked.ovt -> 'initiator' ->> 'id')), lower(btrim(asked.ovt -> 'context' -> 'extra' ->> 'agent_id')),
        lower(btrim(asked.ovt -> 'metadata' ->> 'agent_id')))
$$;

-- Budgets are told of at a part of their ceiling, and once when they stop something.
ALTER TABLE organization_settings
    ADD COLUMN budget_alert_percent integer NOT NULL DEFAULT 80 CHECK (budget_alert_percent BETWEEN 1 AND 100);
CREATE TABLE budget_exhaustions (
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    surface_mode text NOT NULL CHECK (surface_mode IN ('shadow', 'enforce')),
    policy text NOT NULL,
    rule_id text NOT NULL,
    budget_window text NOT NULL,
    subject text NOT NULL,
    told_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, mode, surface_mode, policy, rule_id, budget_window, subject)
);

-- Where a wallet asks before it signs, with a key of its own.
CREATE TABLE wallet_policies (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    name text NOT NULL,
    api_key_id text NOT NULL UNIQUE REFERENCES api_keys,
    secret_ciphertext bytea NOT NULL,
    created_by text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL
);
CREATE INDEX wallet_policies_of ON wallet_policies (organization_id, mode);

GRANT SELECT, INSERT ON wallet_policies TO axiru_app;
GRANT UPDATE (secret_ciphertext) ON wallet_policies TO axiru_app;
GRANT SELECT, INSERT, DELETE ON budget_exhaustions TO axiru_app;
GRANT UPDATE (told_at) ON budget_exhaustions TO axiru_app;
GRANT UPDATE (budget_alert_percent) ON organization_settings TO axiru_app;
-- Whose mandates an organization takes (AP2), by the public key they are signed with; and what is made of each.
CREATE TABLE ap2_issuers (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    issuer text NOT NULL CHECK (issuer <> ''),
    name text NOT NULL,
    jwk jsonb NOT NULL,
    thumbprint text NOT NULL,
    added_by text NOT NULL REFERENCES members,
    added_at timestamptz NOT NULL,
    removed_by text REFERENCES members,
    removed_at timestamptz,
    removed_reason text,
    CHECK ((removed_at IS NULL) = (removed_by IS NULL)),
    CHECK (removed_reason IS NULL OR removed_at IS NOT NULL)
);
CREATE UNIQUE INDEX ap2_issuers_one_key ON ap2_issuers (organization_id, thumbprint) WHERE removed_at IS NULL;
ALTER TABLE movements ADD COLUMN mandate text, ADD COLUMN presentation text;
CREATE INDEX movements_by_mandate ON movements (organization_id, mode, mandate) WHERE mandate IS NOT NULL;
GRANT SELECT, INSERT ON ap2_issuers TO axiru_app;
GRANT UPDATE (removed_by, removed_at, removed_reason) ON ap2_issuers TO axiru_app;

-- What agents may do, what stops them, and what they have spent, changes with the entry that says so: in the same transaction, when its
-- entries are written. Whoever has no key to seal one leaves an entry that is not of the chain, or changes nothing. Who
-- owns the tables could take this away, and is not held to it.
CREATE FUNCTION owns_table(wanted oid) RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = wanted
$$;
CREATE FUNCTION refuse_unsealed_money() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT owns_table(TG_RELID) AND NOT EXISTS (SELECT FROM ledger_entries WHERE decision_id = NEW.decision_id
            AND xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION 'what a token or a budget comes to is sealed with it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER authorization_tokens_sealed AFTER INSERT OR UPDATE ON authorization_tokens
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_money();
CREATE CONSTRAINT TRIGGER movements_sealed AFTER UPDATE ON movements
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_money();

-- Its entry is among the last of the chain: the transaction has held the lock since before it wrote.
CREATE FUNCTION refuse_unsealed_authority() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT owns_table(TG_RELID) AND NOT EXISTS (
            SELECT FROM chain_heads h JOIN ledger_entries e ON e.organization_id = h.organization_id
                AND e.mode = h.mode AND e.seq > h.seq - 16 AND e.seq <= h.seq
            WHERE h.organization_id = NEW.organization_id AND e.kind = TG_ARGV[0]
                AND e.xmin = pg_current_xact_id()::xid
                AND convert_from(e.body, 'UTF8')::jsonb -> 'data' ->> TG_ARGV[1] = NEW.id) THEN
        RAISE EXCEPTION 'what agents may do, and what stops them, is sealed when it changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER agents_sealed AFTER INSERT OR UPDATE ON agents
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_authority('agent', 'agent');
CREATE CONSTRAINT TRIGGER controls_sealed AFTER INSERT OR UPDATE ON controls
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_authority('control', 'control_id');
CREATE CONSTRAINT TRIGGER wallet_policies_sealed AFTER INSERT ON wallet_policies
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_authority('wallet_policy', 'wallet_policy_id');
CREATE CONSTRAINT TRIGGER ap2_issuers_sealed AFTER INSERT OR UPDATE ON ap2_issuers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_authority('ap2_issuer', 'issuer_id');

GRANT SELECT, INSERT ON authorization_tokens TO axiru_app;
GRANT UPDATE (consumed_at, consumed_by, settled_at, settlement, settled_units, settled_by) ON authorization_tokens
    TO axiru_app;
GRANT UPDATE (units, moved_at) ON movements TO axiru_app;
GRANT UPDATE (scopes, delegated_by, expires_at) ON agents TO axiru_app;
