// Creates, searches, pages and sends a transaction with fhir-kit-client: folder of the package, URL, two tokens.
import { pathToFileURL } from 'node:url';

const [folder, baseUrl, gateway, person] = process.argv.slice(2);
const loaded = await import(pathToFileURL(`${folder}/fhir-kit-client/dist/client.js`).href);
const Client = loaded.default?.default ?? loaded.default ?? loaded.Client;
const writer = new Client({ baseUrl, bearerToken: gateway });
const reader = new Client({ baseUrl, bearerToken: person });
const start = Date.now() - 600_000;

function check(good, what) {
  if (!good) throw new Error(what);
}

function heartRate(value, seconds) {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/p1' },
    effectiveDateTime: new Date(start + seconds * 1000).toISOString(),
    valueQuantity: { value, system: 'http://unitsofmeasure.org', code: '/min' },
  };
}

const statement = await reader.capabilityStatement();
check(statement.fhirVersion === '4.0.1', JSON.stringify(statement));
const made = await writer.create({ resourceType: 'Observation', body: heartRate(72, 0) });
check(made.id && made.meta.versionId === '1', JSON.stringify(made));
const read = await reader.read({ resourceType: 'Observation', id: made.id });
check(read.valueQuantity.value === 72, JSON.stringify(read));
await reader.vread({ resourceType: 'Observation', id: made.id, version: '1' });
const transaction = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [1, 2, 3].map((n) => ({
    fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${n}`,
    resource: heartRate(72 + n, n),
    request: { method: 'POST', url: 'Observation' },
  })),
};
const done = await writer.transaction({ body: transaction });
check(done.entry.every((entry) => entry.response.status.startsWith('201')), JSON.stringify(done));
const first = await reader.search({ resourceType: 'Observation', searchParams: { patient: 'p1', _count: 3, _sort: 'date' } });
check(first.total === 4 && first.entry.length === 3, JSON.stringify(first));
const second = await reader.nextPage({ bundle: first });
check(second.entry.length === 1 && second.entry[0].resource.valueQuantity.value === 75, JSON.stringify(second));
const changed = { ...made, status: 'entered-in-error' };
const updated = await writer.update({ resourceType: 'Observation', id: made.id, body: changed });
check(updated.meta.versionId === '2', JSON.stringify(updated));
let refused;
try {
  await writer.create({ resourceType: 'Observation', body: { ...heartRate(72, 9), colour: 'red' } });
} catch (error) {
  refused = error;
}
check(JSON.stringify(refused?.response?.data).includes('Observation.colour'), 'an unknown element was taken');
console.log('fhir-kit-client is content');
