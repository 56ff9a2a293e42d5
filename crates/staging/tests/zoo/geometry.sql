-- types and typmods
CREATE TABLE types (a geometry, b geometry(Point), c geometry(MultiPolygonZM, 4326), d geography, e geography(Point, 4326), f box2d, g box3d, h geometry(Geometry, 3857)[], i geometry(GeometryCollectionM));
-- raster
CREATE TABLE tiles (rid serial PRIMARY KEY, rast raster, hull geometry GENERATED ALWAYS AS (st_convexhull(rast)) STORED);
CREATE INDEX ON tiles USING gist (st_convexhull(rast)); ALTER TABLE tiles ADD CONSTRAINT enforce_srid CHECK (st_srid(rast) = 4326);
-- GiST of every class
CREATE TABLE gist (g geometry, gg geography, z geometry(PointZ, 4326));
CREATE INDEX ON gist USING gist (g); CREATE INDEX ON gist USING gist (g gist_geometry_ops_nd); CREATE INDEX ON gist USING gist (gg); CREATE INDEX ON gist USING gist (z gist_geometry_ops_nd) WITH (fillfactor = 90) WHERE z IS NOT NULL;
-- SP-GiST of every class
CREATE TABLE spgist (g geometry, gg geography);
CREATE INDEX ON spgist USING spgist (g); CREATE INDEX ON spgist USING spgist (g spgist_geometry_ops_3d); CREATE INDEX ON spgist USING spgist (g spgist_geometry_ops_nd); CREATE INDEX ON spgist USING spgist (gg);
-- BRIN of every class
CREATE TABLE brin (g geometry, gg geography);
CREATE INDEX ON brin USING brin (g) WITH (pages_per_range = 8); CREATE INDEX ON brin USING brin (g brin_geometry_inclusion_ops_3d); CREATE INDEX ON brin USING brin (g brin_geometry_inclusion_ops_4d); CREATE INDEX ON brin USING brin (gg);
-- btree and hash over geometry
CREATE TABLE equal (g geometry, UNIQUE (g)); CREATE INDEX ON equal USING hash (g);
-- checks of the old kind and of now
CREATE TABLE checked (the_geom geometry, gid serial PRIMARY KEY, CONSTRAINT enforce_dims_the_geom CHECK (st_ndims(the_geom) = 2), CONSTRAINT enforce_geotype_the_geom CHECK (geometrytype(the_geom) = 'MULTIPOLYGON'::text OR the_geom IS NULL), CONSTRAINT enforce_srid_the_geom CHECK (st_srid(the_geom) = 4326), CONSTRAINT valid CHECK (st_isvalid(the_geom)) NOT VALID NO INHERIT);
-- generated columns and defaults
CREATE TABLE computed (geom geometry(MultiPolygon, 4326) NOT NULL, lat double precision GENERATED ALWAYS AS (st_y(st_centroid(geom))) STORED, area double precision GENERATED ALWAYS AS (st_area(geom::geography)) STORED, centre geometry(Point, 4326) GENERATED ALWAYS AS (st_pointonsurface(geom)) STORED, box box2d DEFAULT 'BOX(0 0,1 1)', origin geometry DEFAULT st_setsrid(st_makepoint(0, 0), 4326), c geometry DEFAULT 'SRID=4326;POINT(1 2)');
CREATE INDEX ON computed USING gist (centre) WHERE area > 1000; CREATE INDEX ON computed USING gist (st_transform(geom, 3857)); CREATE INDEX ON computed (st_geohash(st_transform(centre, 4326), 8));
-- storage and statistics of geometry
CREATE TABLE tuned (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, geom geometry COMPRESSION lz4) WITH (toast_tuple_target = 4080);
ALTER TABLE tuned ALTER geom SET STORAGE EXTERNAL, ALTER geom SET STATISTICS 1000; CREATE INDEX tuned_geom ON tuned USING gist (geom); ALTER TABLE tuned CLUSTER ON tuned_geom;
-- a policy and a trigger by area
CREATE TABLE regions (id integer PRIMARY KEY, geom geometry(Polygon, 4326), who text);
CREATE TABLE sites (id integer PRIMARY KEY, geom geometry(Point, 4326), region integer REFERENCES regions);
ALTER TABLE sites ENABLE ROW LEVEL SECURITY; CREATE POLICY in_region ON sites USING (EXISTS (SELECT 1 FROM regions r WHERE r.who = CURRENT_USER AND st_intersects(r.geom, sites.geom)));
CREATE TRIGGER moved AFTER UPDATE OF geom ON sites FOR EACH ROW WHEN (NOT st_equals(OLD.geom, NEW.geom)) EXECUTE FUNCTION note();
-- the protected areas of the reference data set, with upper-case and reserved column names
CREATE TABLE wdpa_poly (ogc_fid serial PRIMARY KEY, wkb_geometry geometry(MultiPolygon, 4326), "WDPAID" bigint, "NAME" varchar(254), "REP_M_AREA" numeric(20, 8), iso3 char(50), "STATUS_YR" integer CHECK ("STATUS_YR" BETWEEN 0 AND 2100), UNIQUE ("WDPAID", iso3));
CREATE INDEX wdpa_poly_wkb_geometry_geom_idx ON wdpa_poly USING gist (wkb_geometry); CREATE INDEX ON wdpa_poly (upper("NAME") text_pattern_ops) INCLUDE ("WDPAID"); CREATE INDEX ON wdpa_poly USING gin ("NAME" gin_trgm_ops);
