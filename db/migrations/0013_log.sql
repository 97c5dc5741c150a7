-- What a change's line says of afterwards when the same run changes the object again. Of
-- what was created it keeps to the columns that it was begun with: which batch met it
-- first is chance, and so is which of them has more to add.
CREATE FUNCTION org_change_after(kind text, earlier jsonb, later jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE kind WHEN 'created' THEN earlier || coalesce((
        SELECT jsonb_object_agg(l.key, l.value) FROM jsonb_each(later) l WHERE jsonb_exists(earlier, l.key)), '{}') ELSE earlier || later END
$$;
