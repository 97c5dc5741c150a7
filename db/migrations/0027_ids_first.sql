-- Members are looked up by id. With the id first no index that only begins with the
-- provider looks as good to a plan that was made while the table was empty.
DROP INDEX org_members_unionid;
DROP INDEX org_members_open_id;
CREATE UNIQUE INDEX org_members_unionid ON org_members (unionid, provider_id) WHERE unionid IS NOT NULL;
CREATE INDEX org_members_open_id ON org_members (open_id, provider_id) WHERE open_id IS NOT NULL;
