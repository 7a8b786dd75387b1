// Validates one resource a line of standard input with npm's package fhir.
const [folder] = process.argv.slice(2);
const { Fhir } = require(`${folder}/fhir`);
const fhir = new Fhir();
let wrong = 0;
for (const line of require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const result = fhir.validate(JSON.parse(line), { errorOnUnexpected: true });
  const errors = result.messages.filter((m) => m.severity === 'error' || m.severity === 'fatal');
  if (errors.length > 0) {
    wrong += 1;
    console.error(line.slice(0, 400), JSON.stringify(errors));
  }
}
if (wrong > 0) process.exit(1);
console.log('fhir is content');
