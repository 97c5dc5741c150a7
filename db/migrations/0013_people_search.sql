-- Finding people among a million: an index for each way in which they are searched for, with
-- what pages are ordered by. The provider comes second, as in all indexes that follow a key. The id is no key:
-- a plan that was made while the table was empty could otherwise find members by id in such an index, by reading all
-- of it.
CREATE INDEX org_members_by_name ON org_members (lower(name) COLLATE "C", provider_id) INCLUDE (id);
CREATE INDEX org_members_by_pinyin ON org_members (name_translit_full COLLATE "C", provider_id) INCLUDE (id);
CREATE INDEX org_members_by_initials ON org_members (name_translit_initial COLLATE "C", provider_id) INCLUDE (id);
CREATE INDEX org_members_by_email ON org_members (lower(email) COLLATE "C", provider_id) INCLUDE (id)
WHERE email IS NOT NULL;
CREATE INDEX org_members_by_phone ON org_members (phone COLLATE "C", provider_id) INCLUDE (id)
WHERE phone IS NOT NULL;
CREATE INDEX org_members_by_phone_end ON org_members (reverse(phone) COLLATE "C", provider_id) INCLUDE (id)
WHERE phone IS NOT NULL;
CREATE INDEX org_members_by_employee_no ON org_members (lower(employee_no) COLLATE "C", provider_id) INCLUDE (id)
WHERE employee_no IS NOT NULL;

-- org_bigrams are the pairs of characters by which a text is found from its middle, and its last
-- character. A Chinese name has two or three, so that the usual trigrams would not do.
CREATE FUNCTION org_bigrams(value text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY(SELECT substr(lower(value), n, 2) FROM generate_series(1, length(value)) AS n)
$$;
CREATE INDEX org_members_by_part_of_name ON org_members USING gin (org_bigrams(name));
